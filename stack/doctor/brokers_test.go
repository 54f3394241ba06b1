package doctor

import (
	"context"
	"encoding/base64"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
)

// brokers is a cluster in a state, with one topic.
type brokers struct {
	state types.ClusterState
	topic kafka.DescribeTopicOutput
	err   error
}

func (b brokers) DescribeClusterV2(context.Context, *kafka.DescribeClusterV2Input, ...func(*kafka.Options)) (
	*kafka.DescribeClusterV2Output, error) {
	return &kafka.DescribeClusterV2Output{ClusterInfo: &types.Cluster{State: b.state,
		StateInfo: &types.StateInfo{Message: aws.String("disk")}}}, b.err
}

func (b brokers) DescribeTopic(context.Context, *kafka.DescribeTopicInput, ...func(*kafka.Options)) (
	*kafka.DescribeTopicOutput, error) {
	return &b.topic, b.err
}

func TestAClusterThatIsNotActiveIsFound(t *testing.T) {
	expect(t, Brokers{brokers{state: types.ClusterStateActive}, Stack{}}, "")
	expect(t, Brokers{brokers{state: types.ClusterStateHealing}, Stack{}}, "",
		Finding{"the cluster is HEALING and not ACTIVE, disk", "brokers"})
	expect(t, Brokers{brokers{err: errDenied}, Stack{}}, "describe cluster: AccessDenied")
}

var oneTopic = Stack{Topics: []Topic{{Name: "events", Partitions: 6, Replication: 2,
	Configs: map[string]string{"retention.ms": "1209600000"}}}}

// described is a topic with settings.
func described(partitions, copies int32, settings string) brokers {
	return brokers{topic: kafka.DescribeTopicOutput{PartitionCount: &partitions, ReplicationFactor: &copies,
		Configs: aws.String(base64.StdEncoding.EncodeToString([]byte(settings)))}}
}

func TestATopicThatIsNotAsTheProgramDescribesItIsFound(t *testing.T) {
	expect(t, Topics{described(6, 2, `{"retention.ms":"1209600000","cleanup.policy":"delete"}`), oneTopic}, "")
	expect(t, Topics{described(6, 2, `{"retention.ms":1209600000}`), oneTopic}, "")
	expect(t, Topics{described(6, 2, ""), oneTopic}, "") // MSK does not tell
	expect(t, Topics{described(3, 1, `{"retention.ms":"1000"}`), oneTopic}, "",
		Finding{"the topic events has partitions: 3, and the program says 6", "topics"},
		Finding{"the topic events has copies: 1, and the program says 2", "topics"},
		Finding{"the topic events has retention.ms 1000, and the program says 1209600000", "topics"})
}

func TestATopicThatIsNotThereIsFoundAndARefusalIsNoAnswer(t *testing.T) {
	expect(t, Topics{brokers{err: &types.NotFoundException{}}, oneTopic}, "",
		Finding{"there is no topic events: pulumi up makes it", "topics"})
	expect(t, Topics{brokers{err: errDenied}, oneTopic}, "describe topic events: AccessDenied")
	expect(t, Topics{described(6, 2, `{`), oneTopic}, "read settings of topic events: unexpected EOF")
}
