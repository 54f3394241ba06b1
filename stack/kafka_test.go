package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReplicationFollowsTheNumberOfBrokers(t *testing.T) {
	for brokers, want := range map[int][2]int{2: {2, 1}, 3: {3, 2}, 6: {3, 2}} {
		c := kafkaConfig{Brokers: brokers}
		if got := [2]int{c.ReplicationFactor(), c.MinInSyncReplicas()}; got != want {
			t.Errorf("%d brokers: factor and min ISR %v, want %v", brokers, got, want)
		}
	}
}

func TestBrokersRefuseUnknownTopicsAndUncleanLeaders(t *testing.T) {
	want := "auto.create.topics.enable=false\nunclean.leader.election.enable=false\ndefault.replication.factor=3\nmin.insync.replicas=2\n"
	if got := serverProperties(kafkaConfig{Brokers: 3}); got != want {
		t.Errorf("got %q", got)
	}
}

func TestABrokerListInAnotherOrderIsTheSameList(t *testing.T) {
	if a, b := sortBrokers("b-2:9098,b-1:9098"), sortBrokers("b-1:9098,b-2:9098"); a != b || a != "b-1:9098,b-2:9098" {
		t.Errorf("%q and %q", a, b)
	}
}

func TestDeadLettersStayLongerThanEvents(t *testing.T) {
	c := kafkaConfig{Topic: "events", Partitions: 3, Brokers: 3, RetentionHours: 72}
	settings := func(topic string) (state topicState, configs map[string]string) {
		state = topicSettings(c, topic)
		if err := json.Unmarshal(decodeBase64(t, state.Configs), &configs); err != nil {
			t.Fatal(err)
		}
		return state, configs
	}
	events, eventConfigs := settings("events")
	letters, letterConfigs := settings("events.dlq")
	if events.PartitionCount != 3 || letters.PartitionCount != 3 || events.ReplicationFactor != 3 {
		t.Errorf("events %+v, dead letters %+v", events, letters)
	}
	want := map[string]string{"cleanup.policy": "delete", "min.insync.replicas": "2", "retention.ms": "259200000", "unclean.leader.election.enable": "false"}
	if diff := cmp.Diff(want, eventConfigs); diff != "" {
		t.Errorf("events: -want +got\n%s", diff)
	}
	if letterConfigs["retention.ms"] != "1209600000" {
		t.Errorf("dead letters stay %s ms", letterConfigs["retention.ms"])
	}
}

func TestKafkaARNsComeOfTheClusters(t *testing.T) {
	const cluster = "arn:aws:kafka:eu-west-1:123456789012:cluster/name/uuid-1"
	if got := kafkaARN(cluster, "topic", "events"); got != "arn:aws:kafka:eu-west-1:123456789012:topic/name/uuid-1/events" {
		t.Error(got)
	}
	if got := kafkaARN(cluster, "group", "eventctl-*"); got != "arn:aws:kafka:eu-west-1:123456789012:group/name/uuid-1/eventctl-*" {
		t.Error(got)
	}
}
