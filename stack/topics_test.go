package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"event-processing-service/internal/settings"
	"event-processing-service/stack/review"
)

// orders is a stack whose orders go to a topic of their own, which the processor audit reads.
func orders(t *testing.T, stack string) review.Graph {
	t.Helper()
	return recordedWith(t, stack, both(both(in("budget", "usdPerMonth", 1500),
		in("kafka", "topics", map[string]any{
			"orders": map[string]any{"types": []string{"order.*", "refund"}, "partitions": 24, "retentionHours": 720}})),
		more("audit", map[string]any{"topic": "orders", "reservedConcurrency": 24})))
}

func TestATopicBesideTheFirstHasItsOwnPartitionsRetentionAndReader(t *testing.T) {
	g := orders(t, "prod")
	for _, finding := range g.Findings() {
		t.Error(finding)
	}
	for name, want := range map[string]string{
		"orders":           `"TopicName":"orders","PartitionCount":24,"ReplicationFactor":3,"Configs":"eyJyZXRlbnRpb24ubXMi`,
		"events.dlq.audit": `"TopicName":"events.dlq.audit","PartitionCount":24,`,
		"events":           `"TopicName":"events","PartitionCount":12,"ReplicationFactor":3}`,
	} {
		if state := find(t, g, "cloudcontrol.Resource", name).Text("desiredState"); !strings.Contains(state, want) {
			t.Errorf("%s is %s", name, state)
		}
	}
	for mapping, want := range map[string]string{"events": "events", "events-audit": "orders"} {
		topics := find(t, g, "lambda.EventSourceMapping", mapping).At("topics").ArrayValue()
		if len(topics) != 1 || topics[0].StringValue() != want {
			t.Errorf("the mapping %s reads %v", mapping, topics)
		}
	}
	lag := find(t, g, "cloudwatch.MetricAlarm", "processor-lag-audit")
	if got := lag.Text("dimensions", "Topic"); got != "orders" {
		t.Errorf("the lag of audit is that of %s", got)
	}
}

func TestWhoPublishesMayWriteToEachTopicAndIsToldItsTypes(t *testing.T) {
	g := orders(t, "prod")
	for role, want := range map[string]struct{ sid, topics string }{
		"api":             {"Produce", "/events /orders"},
		"operator":        {"ReadTopics", "/events /orders /events.dlq /events.dlq.audit"},
		"processor":       {"PublishElsewhere", "/orders"},
		"processor-audit": {"PublishElsewhere", "/events"},
	} {
		var topics []string
		for _, arn := range statements(t, g, "iam.RolePolicy", role)[want.sid].Resource {
			topics = append(topics, arn[strings.LastIndex(arn, "/"):])
		}
		if got := strings.Join(topics, " "); got != want.topics {
			t.Errorf("%s has %s on %q", role, want.sid, got)
		}
	}
	for name, task := range map[string]string{"api": "api", "operator": "operator"} {
		text := find(t, g, "ecs.TaskDefinition", task).Text("containerDefinitions")
		if !strings.Contains(text, `{"name":"TOPIC_ROUTES","value":"order.*=orders,refund=orders"}`) {
			t.Errorf("%s is not told the routes: %s", name, text)
		}
	}
	for function, topic := range map[string]string{"processor": "events", "processor-audit": "orders"} {
		variables := find(t, g, "lambda.Function", function).At("environment", "variables").ObjectValue().Mappable()
		env, err := settings.LoadProcessor(func(name string) (string, bool) {
			v, ok := variables[name].(string)
			return v, ok
		})
		if err != nil || env.Topic() != topic || env.Kafka.Topic != "events" || env.Kafka.Routes["refund"] != "orders" {
			t.Errorf("%s is told of %+v, %v", function, env.Kafka, err)
		}
	}
}

func TestATopicMoreIsOneReviewableDifference(t *testing.T) {
	before, after := lines(recorded(t, "dev", false)), lines(recordedWith(t, "dev", in("kafka", "topics",
		map[string]any{"orders": map[string]any{"types": []string{"order.*"}, "partitions": 6}})))
	var out bytes.Buffer
	for _, line := range lost(before, after) {
		fmt.Fprintln(&out, "- "+line)
	}
	for _, line := range lost(after, before) {
		fmt.Fprintln(&out, "+ "+line)
	}
	golden(t, "dev-two-topics.diff", out.Bytes())
}

func TestAMistakeInTheTopicsIsReportedByItsKey(t *testing.T) {
	topic := func(name string, partitions int, types ...string) map[string]any {
		return map[string]any{name: map[string]any{"types": append([]string{}, types...), "partitions": partitions}}
	}
	for name, c := range map[string]struct {
		change func(*review.StackConfig)
		want   string
	}{
		"no types":         {in("kafka", "topics", topic("orders", 3)), "kafka.topics.orders.types: is empty"},
		"no partitions":    {in("kafka", "topics", topic("orders", 0, "a")), "kafka.topics.orders.partitions: must be"},
		"the first again":  {in("kafka", "topics", topic("events", 3, "a")), "kafka.topics.events: is kafka.topic"},
		"dead letters":     {in("kafka", "topics", topic("events.dlq.x", 3, "a")), "is named like a topic of dead letters"},
		"a list in a type": {in("kafka", "topics", topic("orders", 3, "a,b")), "kafka.topics.orders.types: must be event"},
		"twice":            {in("kafka", "topics", topic("orders", 3, "a", "a")), `"a" goes to kafka.topics.orders, too`},
		"a reader of none": {more("audit", map[string]any{"topic": "orders"}),
			`processors.audit.topic: "orders" is neither`},
		"the first's reader": {in("processor", "topic", "orders"), "processor.topic: the first processor reads kafka.topic"},
	} {
		_, err := review.RecordConfig(root, "dev", changed(t, "dev", c.change), withHandlers(), &review.Recorder{})
		if err == nil || !slices.ContainsFunc(strings.Split(err.Error(), "\n"),
			func(line string) bool { return strings.Contains(line, c.want) }) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
