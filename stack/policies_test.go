package main

import (
	"encoding/json"
	"slices"
	"testing"

	"event-processing-service/stack/review"
)

// statements are those of a recorded policy, by Sid.
func statements(t *testing.T, g review.Graph, short, name string) map[string]statement {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(find(t, g, short, name).Text("policy")), &d); err != nil {
		t.Fatal(err)
	}
	bySid := map[string]statement{}
	for _, s := range d.Statement {
		bySid[s.Sid] = s
	}
	return bySid
}

func TestTheFunctionsCodeMayNotTouchNetworkInterfaces(t *testing.T) {
	rights := statements(t, recorded(t, "prod", false), "iam.RolePolicy", "processor")
	refused := rights["NotByTheFunction"]
	const function = "arn:aws:lambda:us-east-1:" + review.MadeUpAccount +
		":function:event-processing-service-event-processor*"
	if refused.Effect != "Deny" || refused.Condition["ArnLike"]["lambda:SourceFunctionArn"] != function {
		t.Errorf("the refusal is %+v", refused)
	}
	if allowed := rights["NetworkInterfaces"].Action; len(allowed) == 0 || !slices.Equal(allowed, refused.Action) {
		t.Errorf("allowed are %q, refused to the code %q", allowed, refused.Action)
	}
}

func TestARightWithoutAResourceTypeHasAStatementOfItsOwn(t *testing.T) {
	for sid, s := range statements(t, recorded(t, "prod", false), "iam.RolePolicy", "processor") {
		if slices.Contains(s.Action, "kafka:GetBootstrapBrokers") && !slices.Equal(s.Resource, []string{"*"}) {
			t.Errorf("%s grants it on %q, which grants nothing", sid, s.Resource)
		}
	}
}

func TestTheProcessorMayDoToTheTableWhatItDoesAndNoMore(t *testing.T) {
	got := statements(t, recorded(t, "prod", false), "iam.RolePolicy", "processor")["RememberOutcome"].Action
	want := []string{"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate",
		"dynamodb:PutItem"}
	if !slices.Equal(got, want) {
		t.Errorf("the processor may %q", got)
	}
}

func TestAServiceOfAWSActsForThisAccountOnly(t *testing.T) {
	g := recorded(t, "prod", false)
	alarms := statements(t, g, "kms.Key", "key")["Alarms"]
	if alarms.Condition["StringEquals"]["aws:SourceAccount"] != review.MadeUpAccount {
		t.Errorf("the key is for the alarms of any account: %+v", alarms)
	}
	flows := statements(t, g, "s3.BucketPolicy", "flow-logs")
	for _, sid := range []string{"WriteLogs", "CheckBucket"} {
		condition := flows[sid].Condition
		if condition["StringEquals"]["aws:SourceAccount"] != review.MadeUpAccount ||
			condition["ArnLike"]["aws:SourceArn"] != "arn:aws:logs:us-east-1:"+review.MadeUpAccount+":*" {
			t.Errorf("flow logs of any account are taken: %+v", flows[sid])
		}
	}
	logs := statements(t, g, "s3.BucketPolicy", "access-logs")["WriteLogs"]
	const balancers = "arn:aws:elasticloadbalancing:us-east-1:" + review.MadeUpAccount + ":loadbalancer/*"
	if logs.Condition["ArnLike"]["aws:SourceArn"] != balancers {
		t.Errorf("load balancers of any account may write logs: %+v", logs)
	}
}
