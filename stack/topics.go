package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudcontrol"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// topicState is an AWS::MSK::Topic as CloudFormation describes it.
type topicState struct {
	ClusterARN        string `json:"ClusterArn"`
	TopicName         string
	PartitionCount    int
	ReplicationFactor int
	Configs           string // the topic's settings, JSON in Base64
}

const deadLetterRetentionHours = 14 * 24 // a fortnight: somebody may be on holiday

// topicSettings describes one topic but for its cluster. The dead letter topic has as many partitions, so that a dead
// letter keeps the partition, and with it the order, that its event had.
func topicSettings(c kafkaConfig, topic string) topicState {
	hours := c.RetentionHours
	if topic == c.DeadLetterTopic() {
		hours = max(hours, deadLetterRetentionHours)
	}
	settings, err := json.Marshal(map[string]string{
		"cleanup.policy":                 "delete",
		"min.insync.replicas":            strconv.Itoa(c.MinInSyncReplicas()),
		"retention.ms":                   strconv.Itoa(hours * 60 * 60 * 1000),
		"unclean.leader.election.enable": "false",
	})
	if err != nil {
		panic(fmt.Sprintf("marshal settings of strings: %v", err)) // cannot happen: it holds strings only
	}
	return topicState{
		TopicName: topic, PartitionCount: c.Partitions, ReplicationFactor: c.ReplicationFactor(),
		Configs: base64.StdEncoding.EncodeToString(settings),
	}
}

// newTopic creates a topic through AWS's control plane: nothing of this program, and nobody's laptop, needs a way to the
// brokers. The provider has no topic of its own; Cloud Control takes any CloudFormation type.
func newTopic(ctx *pulumi.Context, name string, clusterARN pulumi.StringOutput, state topicState, opts ...pulumi.ResourceOption) (*cloudcontrol.Resource, error) {
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
