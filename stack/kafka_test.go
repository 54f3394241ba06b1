package main

import (
	"encoding/json"
	"slices"
	"testing"
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
	want := "auto.create.topics.enable=false\nunclean.leader.election.enable=false\n" +
		"default.replication.factor=3\nmin.insync.replicas=2\n" +
		"log.retention.hours=72\n"
	if got := serverProperties(kafkaConfig{Brokers: 3}, 72); got != want {
		t.Errorf("got %q", got)
	}
}

func TestABrokerListInAnotherOrderIsTheSameList(t *testing.T) {
	if a, b := sortBrokers("b-2:9098,b-1:9098"), sortBrokers("b-1:9098,b-2:9098"); a != b || a != "b-1:9098,b-2:9098" {
		t.Errorf("%q and %q", a, b)
	}
}

func TestTheEventsTopicHasNoSettingsThatCannotBeChangedLater(t *testing.T) {
	for _, stack := range stacks {
		for name, want := range map[string]string{"events": "", "events.dlq": `{"retention.ms":"1209600000"}`} {
			var state map[string]any
			text := find(t, recorded(t, stack, false), "cloudcontrol.Resource", name).Text("desiredState")
			if err := json.Unmarshal([]byte(text), &state); err != nil {
				t.Fatal(err)
			}
			configs, set := state["Configs"].(string)
			if set != (want != "") || string(decodeBase64(t, configs)) != want {
				t.Errorf("%s: %s has the settings %q", stack, name, decodeBase64(t, configs))
			}
		}
	}
}

func TestNoSettingOfAStackChangesWhatCloudControlCannotChange(t *testing.T) {
	c := kafkaConfig{Topic: "events", Partitions: 3, Brokers: 2}
	before := c.topics([]namedProcessor{{}})
	c.Brokers = 3
	for i, after := range c.topics([]namedProcessor{{}}) {
		if after.Configs != before[i].Configs {
			t.Errorf("the settings of %s were %q and are %q", after.TopicName, before[i].Configs, after.Configs)
		}
	}
}

func TestTheDeadLettersPartitionsGrowBeforeTheEvents(t *testing.T) {
	g := recorded(t, "prod", false)
	events, letters := find(t, g, "cloudcontrol.Resource", "events"), find(t, g, "cloudcontrol.Resource", "events.dlq")
	if !slices.Contains(events.DependsOn, letters.URN) {
		t.Errorf("events wait for %q", events.DependsOn)
	}
}

func TestKafkaARNsComeOfTheClusters(t *testing.T) {
	const cluster = "arn:aws:kafka:eu-west-1:123456789012:cluster/name/uuid-1"
	if got := kafkaARN(cluster, "topic",
		"events"); got != "arn:aws:kafka:eu-west-1:123456789012:topic/name/uuid-1/events" {
		t.Error(got)
	}
	if got := kafkaARN(cluster, "group",
		"eventctl-*"); got != "arn:aws:kafka:eu-west-1:123456789012:group/name/uuid-1/eventctl-*" {
		t.Error(got)
	}
}

func TestDisksGrowByThemselvesBeforeAnybodyIsWokenAndNoDeploymentShrinksThem(t *testing.T) {
	g := recorded(t, "prod", false)
	policy := find(t, g, "appautoscaling.Policy", "disks")
	if at := policy.Number("targetTrackingScalingPolicyConfiguration", "targetValue"); at >= diskAlarm {
		t.Errorf("disks grow from %v %% on, the alarm is at %v", at, float64(diskAlarm))
	}
	if !policy.Is("targetTrackingScalingPolicyConfiguration", "disableScaleIn") {
		t.Error("disks can't shrink, and the policy would try")
	}
	const size = "brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize"
	if cluster := find(t, g, "msk.Cluster", "cluster"); !slices.Contains(cluster.IgnoreChanges, size) {
		t.Errorf("a deployment would set the size again; ignored are %q", cluster.IgnoreChanges)
	}
	if dev := find(t, recorded(t, "dev", false), "msk.Cluster", "cluster"); len(dev.IgnoreChanges) > 0 {
		t.Errorf("in dev nothing grows by itself, and %q are ignored", dev.IgnoreChanges)
	}
}

func TestTheFunctionHasAsManyExecutionsForItselfAsThereArePartitions(t *testing.T) {
	if n := find(t, recorded(t, "prod", false), "lambda.Function",
		"processor").Number("reservedConcurrentExecutions"); n != 12 {
		t.Errorf("reserved are %v", n)
	}
	if in := find(t, recorded(t, "dev", false), "lambda.Function",
		"processor"); !in.At("reservedConcurrentExecutions").IsNull() {
		t.Error("a new account has ten in all: dev takes none of them")
	}
}

func TestTasksAreAddedForMemoryToo(t *testing.T) {
	policy := find(t, recorded(t, "prod", false), "appautoscaling.Policy", "memory")
	kind := policy.Text("targetTrackingScalingPolicyConfiguration", "predefinedMetricSpecification",
		"predefinedMetricType")
	if kind != "ECSServiceAverageMemoryUtilization" {
		t.Errorf("it follows %q", kind)
	}
}
