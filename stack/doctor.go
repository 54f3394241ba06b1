package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"event-processing-service/stack/doctor"
	"event-processing-service/stack/review"
)

// examine writes what is wrong with a deployed stack, and returns the exit status.
func examine(ctx context.Context, w io.Writer, root, stack string) int {
	healthy, cloud, err := wanted(ctx, root, stack)
	if err != nil {
		return doctor.CouldNotAsk(w, doctor.Checks(doctor.Stack{}, aws.Config{}), err)
	}
	return doctor.Run(ctx, w, doctor.Checks(healthy, cloud))
}

// wanted is what a stack should be. Its outputs have what only a deployment knows, its program the rest.
func wanted(ctx context.Context, root, stack string) (s doctor.Stack, cloud aws.Config, err error) {
	told, err := toldBy(ctx, stack)
	if err != nil {
		return s, cloud, err
	}
	if cloud, err = cloudOf(ctx, stack); err != nil {
		return s, cloud, err
	}
	if _, err = cloud.Credentials.Retrieve(ctx); err != nil {
		return s, cloud, fmt.Errorf("find AWS credentials: %w", err)
	}
	program := offlineProgram() // the doctor does not ask whether this checkout has the handlers
	program.Handlers = func(string, map[string]map[string]string) error { return nil }
	g, err := review.Record(root, stack, program, &review.Recorder{})
	if err != nil {
		return s, cloud, err
	}
	s, err = told.stack(g)
	return s, cloud, err
}

// told are the outputs of a stack that the doctor reads.
type told struct {
	ClusterARN     string `json:"kafkaClusterArn"`
	ECSCluster     string `json:"ecsCluster"`
	Service        string `json:"ecsService"`
	TaskDefinition string `json:"taskDefinition"`
	URL            string `json:"apiUrl"`
	KeysSecret     string `json:"apiKeysSecret"`
	Function       string `json:"processorFunction"`
	Group          string `json:"consumerGroup"`
	Others         map[string]struct {
		Function string `json:"function"`
		Group    string `json:"consumerGroup"`
	} `json:"processors"`
}

func toldBy(ctx context.Context, stack string) (t told, err error) {
	if err := outputsOf(ctx, stack, &t); err != nil {
		return t, err
	}
	if t.ClusterARN == "" || t.Service == "" || t.Function == "" {
		return t, fmt.Errorf("stack %s is not deployed", stack)
	}
	return t, nil
}

// stack combines the outputs with the resources that the program registers.
func (t told) stack(g review.Graph) (doctor.Stack, error) {
	s := doctor.Stack{ClusterARN: t.ClusterARN, ECSCluster: t.ECSCluster, Service: t.Service,
		TaskDefinition: t.TaskDefinition, URL: t.URL, KeysSecret: t.KeysSecret}
	for _, n := range g.Of("msk.Cluster") {
		s.Name = n.Text("clusterName")
	}
	for _, n := range g.Of("ecs.Service") {
		if name := n.Text("name"); name != t.Service {
			s.OtherServices = append(s.OtherServices, name)
		}
	}
	functions := map[string]string{t.Group: t.Function} // by consumer group
	for _, name := range slices.Sorted(maps.Keys(t.Others)) {
		functions[t.Others[name].Group] = t.Others[name].Function
	}
	idle, unknown := map[string]bool{}, maps.Clone(functions)
	for _, n := range g.Of("lambda.EventSourceMapping") {
		enabled := n.At("enabled")
		idle[n.Text("amazonManagedKafkaEventSourceConfig", "consumerGroupId")] = enabled.IsBool() && !enabled.BoolValue()
	}
	for _, n := range g.Of("cloudwatch.MetricAlarm") {
		group := n.Text("dimensions", "Consumer Group")
		if n.Text("metricName") != "EstimatedMaxTimeLag" || functions[group] == "" {
			continue // a processor that is not deployed yet is shown by a preview
		}
		delete(unknown, group)
		s.Processors = append(s.Processors, doctor.Processor{Function: functions[group], Group: group,
			Topic: n.Text("dimensions", "Topic"), MaxLagSeconds: n.At("threshold").NumberValue(), Idle: idle[group]})
	}
	if len(unknown) > 0 {
		return s, fmt.Errorf("consumer groups %s are deployed, and the program has none of that name: check out the commit "+
			"that was deployed", strings.Join(slices.Sorted(maps.Keys(unknown)), ", "))
	}
	for _, n := range g.Of("cloudcontrol.Resource") {
		topic, err := topicOf(n.Text("desiredState"))
		if err != nil {
			return s, err
		}
		s.Topics = append(s.Topics, topic)
	}
	return s, nil
}

func topicOf(desired string) (t doctor.Topic, err error) {
	var state topicState
	if err := json.Unmarshal([]byte(desired), &state); err != nil {
		return t, fmt.Errorf("read what the program says of a topic: %w", err)
	}
	t = doctor.Topic{Name: state.TopicName, Partitions: int32(state.PartitionCount),
		Replication: int32(state.ReplicationFactor)}
	if state.Configs == "" {
		return t, nil
	}
	text, err := base64.StdEncoding.DecodeString(state.Configs)
	if err == nil {
		err = json.Unmarshal(text, &t.Configs)
	}
	if err != nil {
		return t, fmt.Errorf("read what the program says of topic %s: %w", t.Name, err)
	}
	return t, nil
}
