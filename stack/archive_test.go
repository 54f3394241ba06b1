package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestAStackWithoutAnArchiveHasNothingOfOne(t *testing.T) {
	for name, g := range map[string]review.Graph{"dev": recorded(t, "dev", false),
		"prod": withChange(t, "prod", anObject("archive", "{}"))} {
		for _, n := range g.Nodes {
			if strings.HasPrefix(n.Name, "archive") || strings.HasPrefix(n.Name, "Archive") ||
				strings.Contains(n.Text("policy"), "archive") {
				t.Errorf("%s: %s is left", name, n)
			}
		}
		if url, is := containerVariables(t, g, "operator")["ARCHIVE_URL"]; is {
			t.Errorf("%s: the operator is told of %q", name, url)
		}
	}
}

func TestTheArchiverRunsBesideTheAPIFromTheSameImage(t *testing.T) {
	g := recorded(t, "prod", false)
	archiver := containersOf(find(t, g, "ecs.TaskDefinition", "archive"))[0]
	if own := containersOf(find(t, g, "ecs.TaskDefinition", "api"))[0]; archiver.Image != own.Image {
		t.Errorf("it runs %s, and the API %s", archiver.Image, own.Image)
	}
	command := strings.Join(slices.Concat(archiver.EntryPoint, archiver.Command), " ")
	if command != "/eventctl archive run --group event-processing-service-archive" {
		t.Errorf("it runs %s", command)
	}
	if n := find(t, g, "ecs.Service", "archive").Number("desiredCount"); n != 1 {
		t.Errorf("%v tasks run", n)
	}
	bucket := "s3://event-processing-service-archive-" + review.MadeUpAccount
	for _, task := range []string{"archive", "operator"} {
		if url := containerVariables(t, g, task)["ARCHIVE_URL"]; url != bucket {
			t.Errorf("%s finds the archive in %q", task, url)
		}
	}
}

func TestAStackThatStandsByArchivesNothing(t *testing.T) {
	g := withChange(t, "prod", at(ns+"standby", "true"))
	if n := find(t, g, "ecs.Service", "archive").Number("desiredCount"); n != 0 {
		t.Errorf("%v tasks run", n)
	}
}

func TestObjectsOfTheArchiveAreLockedMovedAndDeletedAsTheFileSays(t *testing.T) {
	g := recorded(t, "prod", false)
	lock := find(t, g, "s3.BucketObjectLockConfigurationV2", "archive")
	if mode := lock.Text("rule", "defaultRetention", "mode"); mode != "GOVERNANCE" {
		t.Errorf("the lock's mode is %q", mode)
	}
	rule := find(t, g, "s3.BucketLifecycleConfigurationV2", "archive").At("rules").ArrayValue()[0].ObjectValue()
	moved := rule["transitions"].ArrayValue()[0].ObjectValue()
	if rule["expiration"].ObjectValue()["days"].NumberValue() != 365 || moved["days"].NumberValue() != 30 ||
		moved["storageClass"].StringValue() != "GLACIER_IR" {
		t.Errorf("its lifecycle is %v", rule)
	}
	g = withChange(t, "prod", anObject("archive", `{"enabled":true}`))
	rules := find(t, g, "s3.BucketLifecycleConfigurationV2", "archive").At("rules").ArrayValue()
	if g.Has("s3.BucketObjectLockConfigurationV2", "archive") || !rules[0].ObjectValue()["transitions"].IsNull() {
		t.Error("objects are locked or moved, and nobody asked for it")
	}
}

func TestAMistakeInTheArchiveIsReportedByItsKey(t *testing.T) {
	for _, tc := range []struct {
		stack  string
		change func(*review.StackConfig)
		want   string
	}{
		{"dev", anObject("archive", `{"colder":{"class":"GLACIER_IR","afterDays":30}}`),
			"archive.enabled: is not true, and archive.objectLock and archive.colder need an archive"},
		{"prod", in("archive", "objectLock.mode", "legal"),
			`archive.objectLock.mode: must be governance or compliance, is "legal"`},
		{"prod", in("archive", "objectLock.days", 366),
			"archive.objectLock.days: must be 1 to retention.archiveDays (365), is 366"},
		{"dev", anObject("archive", `{"enabled":true,"objectLock":{"mode":"compliance","days":30}}`),
			"archive.objectLock.mode: is compliance, and the stack is not protected: for 30 days nobody could delete it"},
		{"prod", in("archive", "colder.class", "COLD"),
			`archive.colder.class: must be STANDARD_IA, GLACIER_IR, GLACIER or DEEP_ARCHIVE, is "COLD"`},
		{"prod", in("archive", "colder", map[string]any{"class": "STANDARD_IA", "afterDays": 29}),
			"archive.colder.afterDays: must be 30 or more for STANDARD_IA, and less than retention.archiveDays (365), is 29"},
		{"prod", in("archive", "colder.afterDays", 365),
			"archive.colder.afterDays: must be 1 or more for GLACIER_IR, and less than retention.archiveDays (365), is 365"},
	} {
		isRefused(t, tc.stack, tc.change, tc.want)
	}
}

func TestTheArchiversAlarmsCountLinesThatItWrites(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, "archive/consumer/consumer.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range archiveLines {
		pattern := find(t, recorded(t, "prod", false), "cloudwatch.LogMetricFilter", l.Metric).Text("pattern")
		for _, message := range l.Messages {
			if !strings.Contains(string(source), `("`+message) || !strings.Contains(pattern, `($.msg = "`+message+`*")`) {
				t.Errorf("%s counts %q by %s, which the archiver does not say", l.Metric, message, pattern)
			}
		}
	}
}

func TestTheArchiversLagIsBadAtHalfOfTheShortestRetention(t *testing.T) {
	c := everything()
	c.Retention.TopicHours = 168
	c.Kafka.Topics = map[string]topicConfig{"orders": {RetentionHours: 48}, "carts": {}}
	i := slices.IndexFunc(archiveAlarms(c), func(a alarm) bool { return a.Kind == "archive-lag" })
	lag := archiveAlarms(c)[i]
	if lag.Threshold != 24*3600 || len(lag.Inputs) != 4 ||
		lag.Math != "MAX([FILL(m0,0),FILL(m1,0),FILL(m2,0),FILL(m3,0)])" {
		t.Errorf("the alarm is %+v", lag)
	}
}

// What can get lost from an archive, or never gets into it, is a finding.
func TestWhatWouldBeMissingFromTheArchiveIsFound(t *testing.T) {
	policyOn := func(action, on string) string {
		return policy(allow("X", []string{on}, action)).JSON()
	}
	findsCauses(t, []mutation{
		{"an archive without versions", func(t *testing.T, g review.Graph) {
			find(t, g, "s3.BucketVersioningV2", "archive").Name = "another"
		}, "s3.BucketV2 archive keeps nothing that is deleted"},
		{"an archive that can be written over", func(t *testing.T, g review.Graph) {
			set(find(t, g, "s3.BucketPolicy", "archive"), "policy", `{"Statement":[]}`)
		}, "s3.BucketV2 archive lets objects be overwritten"},
		{"a lock that outlives the archive", func(t *testing.T, g review.Graph) {
			set(find(t, g, "s3.BucketObjectLockConfigurationV2", "archive"), "rule",
				map[string]any{"defaultRetention": map[string]any{"days": 366}})
		}, "locks objects for 366 days that are to be deleted after 365"},
		{"somebody who may delete from the archive", func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", "operator"), "policy", policyOn("s3:DeleteObject", "arn:aws:s3:::archive/*"))
		}, "iam.RolePolicy operator may delete from s3.BucketV2 archive"},
		{"an archiver that writes elsewhere and misses a topic", func(t *testing.T, g review.Graph) {
			n := find(t, g, "ecs.TaskDefinition", "archive")
			all := containersOf(n)
			all[0].Environment = []variable{{"ARCHIVE_URL", "s3://other"}, {"KAFKA_TOPIC", "events"}, {"TOPIC_ROUTES", "a=b"}}
			set(n, "containerDefinitions", containersJSON(all))
		}, `the API's TOPIC_ROUTES is "", the archiver's "a=b"`},
		{"an archiver of another group", func(t *testing.T, g review.Graph) {
			n := find(t, g, "ecs.TaskDefinition", "archive")
			all := containersOf(n)
			all[0].Command = []string{"archive", "run", "--group", "somebodys"}
			set(n, "containerDefinitions", containersJSON(all))
		}, "iam.RolePolicy archive lacks kafka-cluster:AlterGroup on /somebodys"},
		{"an archiver that may not read letters", func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", "archive"), "policy", policyOn("kafka-cluster:ReadData", "arn:x/events"))
		}, "iam.RolePolicy archive lacks kafka-cluster:ReadData on /events.dlq"},
		{"an archiver without a way to the brokers", func(t *testing.T, g review.Graph) {
			set(find(t, g, "vpc.SecurityGroupEgressRule", "archive-to-kafka-9098"), "fromPort", 9099)
		}, "ec2.SecurityGroup-archive may not go to ec2.SecurityGroup-kafka on 9098"},
		{"an archiver before its rights", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "ecs.Service", "archive"), "rolePolicy")
		}, "ecs.Service archive does not wait for iam.RolePolicy archive"},
	})
}
