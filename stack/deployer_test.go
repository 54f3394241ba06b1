package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestTheDeployersPolicyCoversEachResourceOfTheProgramAndNothingElse(t *testing.T) {
	// With alarms.email, alarms.slack, edge.waf.deny, archive.replicateTo, edge.shieldAdvanced and keys.rotation alone.
	used := map[string]bool{"sns.TopicSubscription": true, "chatbot.SlackChannelConfiguration": true,
		"wafv2.IpSet": true, "shield.Protection": true, "s3.BucketReplicationConfig": true,
		"secretsmanager.SecretRotation": true}
	for _, stack := range stacks {
		g := recorded(t, stack, false)
		if _, uncovered := deployerPolicy(g, rightsOf(g)); len(uncovered) > 0 {
			t.Errorf("%s: nobody may deploy %q", stack, uncovered)
		}
		for _, n := range g.Nodes {
			used[review.Short(n.Type)] = true
		}
	}
	for _, r := range rightsOf(recorded(t, "prod", false)) {
		for _, short := range r.types {
			if !used[short] {
				t.Errorf("%s: no stack has a %s", r.sid, short)
			}
		}
	}
}

func TestAResourceThatNobodyMayDeployIsFound(t *testing.T) {
	g := recorded(t, "dev", false)
	rights := slices.DeleteFunc(rightsOf(g), func(r deployerRight) bool { return r.sid == "Table" })
	if _, uncovered := deployerPolicy(g, rights); !slices.Equal(uncovered, []string{"dynamodb.Table"}) {
		t.Errorf("found %q", uncovered)
	}
}

func TestTheDeployersPolicyIsPrintedForTheStacksNamesAlone(t *testing.T) {
	var out bytes.Buffer
	if err := writeDeployerPolicy(&out, root, "dev"); err != nil {
		t.Fatal(err)
	}
	documents := json.NewDecoder(bytes.NewReader(out.Bytes()))
	for documents.More() {
		var d document
		if err := documents.Decode(&d); err != nil {
			t.Fatal(err)
		}
		if n := len(d.JSON()); n > 6144 {
			t.Errorf("IAM takes 6,144 characters, and not %d", n)
		}
		for _, s := range d.Statement {
			for _, action := range s.Action {
				if strings.Contains(action, "*") {
					t.Errorf("%s: %s", s.Sid, action)
				}
			}
		}
	}
	for _, right := range []string{"kafka-cluster:DescribeTopicDynamicConfiguration",
		"kafka-cluster:AlterTopicDynamicConfiguration",
		"kafka:CreateTopic", "kafka:UpdateTopic", "cloudformation:GetResourceRequestStatus", "cloudformation:DescribeType",
		"arn:aws:dynamodb:us-east-1:*:table/event-processing-service-dev-events"} {
		if !strings.Contains(out.String(), `"`+right+`"`) {
			t.Errorf("it lacks %s", right)
		}
	}
	if strings.Contains(out.String(), "route53") {
		t.Error("dev has no DNS records, and the policy is about them")
	}
}
