package doctor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
)

// BrokersAPI is the part of MSK that knows the cluster.
type BrokersAPI interface {
	DescribeClusterV2(context.Context, *kafka.DescribeClusterV2Input, ...func(*kafka.Options)) (
		*kafka.DescribeClusterV2Output, error)
}

// Brokers finds a cluster that is not active.
type Brokers struct {
	API   BrokersAPI
	Stack Stack
}

// Name is the check's.
func (Brokers) Name() string { return "brokers" }

// Ask asks MSK.
func (b Brokers) Ask(ctx context.Context) ([]Finding, error) {
	out, err := b.API.DescribeClusterV2(ctx, &kafka.DescribeClusterV2Input{ClusterArn: &b.Stack.ClusterARN})
	if err != nil {
		return nil, fmt.Errorf("describe cluster: %w", err)
	}
	if out.ClusterInfo == nil || out.ClusterInfo.State == types.ClusterStateActive {
		return nil, nil
	}
	what := fmt.Sprintf("the cluster is %s and not ACTIVE", out.ClusterInfo.State)
	if why := out.ClusterInfo.StateInfo; why != nil {
		what += ", " + aws.ToString(why.Message)
	}
	return []Finding{{what, headingBrokers}}, nil
}

// TopicsAPI is the part of MSK that knows topics.
type TopicsAPI interface {
	DescribeTopic(context.Context, *kafka.DescribeTopicInput, ...func(*kafka.Options)) (*kafka.DescribeTopicOutput, error)
}

// Topics finds topics that are missing, or are not as the program describes them.
type Topics struct {
	API   TopicsAPI
	Stack Stack
}

// Name is the check's.
func (Topics) Name() string { return "topics" }

// Ask asks MSK's control plane, so it need not reach the brokers.
func (t Topics) Ask(ctx context.Context) (found []Finding, err error) {
	var unasked []error
	for _, topic := range t.Stack.Topics {
		out, err := t.API.DescribeTopic(ctx, &kafka.DescribeTopicInput{ClusterArn: &t.Stack.ClusterARN,
			TopicName: &topic.Name})
		var missing *types.NotFoundException
		switch {
		case errors.As(err, &missing):
			found = append(found, Finding{"there is no topic " + topic.Name + ": pulumi up makes it", headingTopics})
		case err != nil:
			unasked = append(unasked, fmt.Errorf("describe topic %s: %w", topic.Name, err))
		default:
			differences, err := topic.compare(out)
			if err != nil {
				unasked = append(unasked, err)
			}
			found = append(found, differences...)
		}
	}
	return found, errors.Join(unasked...)
}

// compare finds differences in what the answer has: MSK omits settings that are the brokers' defaults.
func (t Topic) compare(out *kafka.DescribeTopicOutput) (found []Finding, err error) {
	differs := func(what string, is, should any) {
		found = append(found, Finding{fmt.Sprintf("the topic %s has %s %v, and the program says %v", t.Name, what, is,
			should), headingTopics})
	}
	if n := out.PartitionCount; n != nil && *n != t.Partitions {
		differs("partitions:", *n, t.Partitions)
	}
	if n := out.ReplicationFactor; n != nil && *n != t.Replication {
		differs("copies:", *n, t.Replication)
	}
	if aws.ToString(out.Configs) == "" {
		return found, nil
	}
	text, err := base64.StdEncoding.DecodeString(*out.Configs)
	if err != nil {
		return found, fmt.Errorf("read settings of topic %s: %w", t.Name, err)
	}
	var settings map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a float would print milliseconds as 1.2e+09
	if err := decoder.Decode(&settings); err != nil {
		return found, fmt.Errorf("read settings of topic %s: %w", t.Name, err)
	}
	for _, key := range slices.Sorted(maps.Keys(t.Configs)) {
		if is, told := settings[key]; told && fmt.Sprint(is) != t.Configs[key] {
			differs(key, is, t.Configs[key])
		}
	}
	return found, nil
}
