package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudcontrol"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// topicState is an AWS::MSK::Topic as CloudFormation describes it.
type topicState struct {
	ClusterARN        string `json:"ClusterArn"`
	TopicName         string
	PartitionCount    int
	ReplicationFactor int
	Configs           string `json:",omitempty"` // the topic's settings, JSON in Base64
}

// deadLetterConfigs are the settings of topics of dead letters: they keep letters for deadLetterDays, as somebody may
// be on holiday. AWS::MSK::Topic accepts Configs and never returns them, so Cloud Control can't change them later (it
// answers noSuchPath). So this text must stay the same for every stack. All other settings are the brokers' defaults,
// except the retention of further topics of events, which is set when the topic is created.
const deadLetterConfigs = `{"retention.ms":"1209600000"}`

// topicConfig is a further topic of events.
type topicConfig struct {
	Types          []string `json:"types"` // of its events: whole types, or beginnings with an asterisk
	Partitions     int      `json:"partitions"`
	RetentionHours int      `json:"retentionHours,omitempty"` // 0: as the first's
}

// eventTopics are all topics of events, the first one first.
func (c kafkaConfig) eventTopics() []string {
	return append([]string{c.Topic}, slices.Sorted(maps.Keys(c.Topics))...)
}

func (c kafkaConfig) partitionsOf(topic string) int {
	if other, ok := c.Topics[topic]; ok {
		return other.Partitions
	}
	return c.Partitions
}

// partitionsKey is the key of a topic's number of partitions in the stack's file.
func (c kafkaConfig) partitionsKey(topic string) string {
	if _, ok := c.Topics[topic]; ok {
		return "kafka.topics." + topic + ".partitions"
	}
	return "kafka.partitions"
}

// routes is the value of TOPIC_ROUTES, "" where all events go to one topic.
func (c kafkaConfig) routes() string {
	var routes []string
	for _, topic := range slices.Sorted(maps.Keys(c.Topics)) {
		for _, pattern := range c.Topics[topic].Types {
			routes = append(routes, pattern+"="+topic)
		}
	}
	return strings.Join(routes, ",")
}

// topics describes all topics, without their cluster. Topics of dead letters come first: a letter goes to the partition
// number of its event, to keep the order, so that partition must exist before the topic of events gets more.
func (c kafkaConfig) topics(processors []namedProcessor) (all []topicState) {
	add := func(name string, partitions int, configs string) {
		state := topicState{TopicName: name, PartitionCount: partitions, ReplicationFactor: c.ReplicationFactor()}
		if configs != "" {
			state.Configs = base64.StdEncoding.EncodeToString([]byte(configs))
		}
		all = append(all, state)
	}
	for _, p := range processors {
		add(p.deadLetters(c), c.partitionsOf(p.topic(c)), deadLetterConfigs)
	}
	add(c.Topic, c.Partitions, "")
	for _, name := range c.eventTopics()[1:] {
		configs := ""
		if hours := c.Topics[name].RetentionHours; hours > 0 {
			configs = fmt.Sprintf(`{"retention.ms":"%d"}`, time.Duration(hours)*time.Hour/time.Millisecond)
		}
		add(name, c.Topics[name].Partitions, configs)
	}
	return all
}

func (c kafkaConfig) validateTopics(f *findings, retention retentionConfig) {
	owners := map[string]string{}
	for _, name := range c.eventTopics()[1:] {
		key, topic := "kafka.topics."+name, c.Topics[name]
		f.require(topicPattern.MatchString(name) && len(name) <= 200 && !strings.HasPrefix(name, "__"), key,
			"must be called by letters, digits, dots, dashes and underscores, and not begin with two of these")
		f.require(name != c.Topic, key, "is kafka.topic, which all other events go to")
		f.require(name != c.DeadLetterTopic() && !strings.HasPrefix(name, c.DeadLetterTopic()+"."), key,
			"is named like a topic of dead letters")
		f.require(topic.Partitions >= 1 && topic.Partitions <= 1000, key+".partitions", "must be 1 to 1000, is %d",
			topic.Partitions)
		// An event that is forgotten while it can still be replayed takes effect a second time.
		most := 24 * retention.OutcomeDays
		f.require(topic.RetentionHours >= 0 && topic.RetentionHours <= most, key+".retentionHours",
			"must be 1 to 24 × retention.outcomeDays (%d), or left out, is %d", most, topic.RetentionHours)
		f.require(len(topic.Types) > 0, key+".types", "is empty, and no event would go there")
		for _, pattern := range topic.Types {
			f.require(routePattern.MatchString(pattern), key+".types",
				"must be event types, or what they begin with and an asterisk, such as order.*, is %q", pattern)
			f.require(owners[pattern] == "", key+".types", "%q goes to kafka.topics.%s, too", pattern, owners[pattern])
			owners[pattern] = name
		}
	}
}

// routePattern excludes the separators of TOPIC_ROUTES.
var routePattern = regexp.MustCompile(`^[^*,=\s]+\*?$`)

// newTopic creates a topic through AWS's control plane, so that neither this program nor a laptop has to reach the
// brokers. The provider has no resource for topics. Cloud Control accepts any CloudFormation type.
func newTopic(ctx *pulumi.Context, name string, clusterARN pulumi.StringOutput, state topicState,
	opts ...pulumi.ResourceOption) (*cloudcontrol.Resource, error) {
	desired := clusterARN.ApplyT(func(arn string) (string, error) {
		state.ClusterARN = arn
		text, err := json.Marshal(state)
		return string(text), err
	}).(pulumi.StringOutput)
	topic, err := cloudcontrol.NewResource(ctx, name, &cloudcontrol.ResourceArgs{
		TypeName: pulumi.String("AWS::MSK::Topic"), DesiredState: desired,
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("create topic %s: %w", name, err)
	}
	return topic, nil
}
