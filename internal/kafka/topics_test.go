package kafka_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/kafka"
)

func newClient(t *testing.T, cfg kafka.Config) *kgo.Client {
	t.Helper()
	opts, err := kafka.Options(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func applyTopics(t *testing.T, c *kfake.Cluster, topics []kafka.Topic) ([]kafka.TopicState, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return kafka.ApplyTopics(ctx, newClient(t, config(c)), topics)
}

func wantStates(t *testing.T, c *kfake.Cluster, topics []kafka.Topic, want ...kafka.TopicState) {
	t.Helper()
	got, err := applyTopics(t, c, topics)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestTopicsAreCreatedOnceAndThenLeftAlone(t *testing.T) {
	c := newBroker(t)
	service := kafka.ServiceTopics([]string{"orders"}, 6, "orders.dlq")
	wantStates(t, c, service, kafka.TopicState{Name: "orders", Created: true},
		kafka.TopicState{Name: "orders.dlq", Created: true})
	c.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
		t.Error("the second run creates something")
		return nil, nil, false
	})
	wantStates(t, c, service, kafka.TopicState{Name: "orders"}, kafka.TopicState{Name: "orders.dlq"})
	wantStates(t, c, []kafka.Topic{{Name: "orders", Partitions: 6,
		Configs: map[string]string{"retention.ms": "604800000"}}}, kafka.TopicState{Name: "orders"})
}

func TestDifferencesOfATopicAreToldAndNotMended(t *testing.T) {
	c := newBroker(t)
	want := kafka.Topic{Name: topic, Partitions: 6, Replicas: 3, Configs: map[string]string{"retention.ms": "1",
		"cleanup.policy": "delete"}}
	state := kafka.TopicState{Name: topic, Differences: []string{
		"has 3 partitions instead of 6", "has 1 replicas instead of 3", "has retention.ms=604800000 instead of 1",
	}}
	wantStates(t, c, []kafka.Topic{want}, state)
	wantStates(t, c, []kafka.Topic{want}, state)
}

func TestATopicThatSomebodyElseMakesAtTheSameTimeIsAsGood(t *testing.T) {
	c := newBroker(t)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "orders", Err: kerr.TopicAlreadyExists})
	wantStates(t, c, []kafka.Topic{{Name: "orders", Partitions: 1, Replicas: -1}}, kafka.TopicState{Name: "orders"})
}

func TestABrokerThatDoesNotKnowANewTopicYetIsAskedAgain(t *testing.T) {
	c := newBroker(t)
	c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: topic, Err: kerr.UnknownTopicOrPartition, Count: 2,
	})
	wantStates(t, c, []kafka.Topic{{Name: topic, Partitions: 3, Replicas: -1, Configs: map[string]string{}}},
		kafka.TopicState{Name: topic})
	wantStates(t, c,
		[]kafka.Topic{{Name: topic, Partitions: 3, Replicas: -1, Configs: map[string]string{"cleanup.policy": "delete"}}},
		kafka.TopicState{Name: topic})
}

func TestATopicThatCannotBeAppliedDoesNotKeepTheOthers(t *testing.T) {
	c := newBroker(t)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "a", Err: kerr.TopicAuthorizationFailed, Count: -1},
		kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: topic, Err: kerr.InvalidRequest, Count: -1})
	states, err := applyTopics(t, c, []kafka.Topic{
		{Name: "a", Partitions: 1, Replicas: -1},
		{Name: topic, Partitions: 3, Replicas: -1, Configs: map[string]string{"retention.ms": "1"}},
		{Name: "b", Partitions: 1, Replicas: -1},
	})
	if diff := cmp.Diff([]kafka.TopicState{{Name: "b", Created: true}}, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if err == nil || !strings.Contains(err.Error(), "create topic a: TOPIC_AUTHORIZATION_FAILED") ||
		!strings.Contains(err.Error(), "describe topic events: INVALID_REQUEST") {
		t.Errorf("got %v", err)
	}
}

func TestTopicsOfNoBrokerAreAnError(t *testing.T) {
	c := newBroker(t)
	client := newClient(t, config(c))
	c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := kafka.ApplyTopics(ctx, client, kafka.ServiceTopics([]string{"a"}, 1,
		"b")); err == nil || !strings.Contains(err.Error(), "list topics") {
		t.Errorf("got %v", err)
	}
}
