package main

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/stack/review"
)

// operatorsTask is the container of the operator's task.
func operatorsTask(t *testing.T, g review.Graph) container {
	t.Helper()
	var all []container
	text := find(t, g, "ecs.TaskDefinition", "operator").Text("containerDefinitions")
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) != 1 {
		t.Fatalf("%d containers: %v", len(all), err)
	}
	return all[0]
}

func TestTheOperatorsTaskIsReachedBySessionsOnlyByChoice(t *testing.T) {
	const stack = "prod" // whose table is encrypted with its own key
	off := recorded(t, stack, false)
	on := recordedWith(t, stack, at(ns+"operator", `{"console":true}`))
	had, has := statements(t, off, "iam.RolePolicy", "operator"), statements(t, on, "iam.RolePolicy", "operator")
	var more []string
	for sid := range has {
		if _, is := had[sid]; !is {
			more = append(more, sid)
		}
	}
	slices.Sort(more)
	if diff := cmp.Diff([]string{"KeyThroughDynamodb", "ReadOutcome", "Sessions"}, more); diff != "" {
		t.Errorf("what the choice adds (-want +got):\n%s", diff)
	}
	if got := has["Sessions"].Action; !slices.Equal(got, []string{"ssmmessages:CreateControlChannel",
		"ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"}) {
		t.Errorf("the agent may %q", got)
	}
	if got := has["ReadOutcome"]; !slices.Equal(got.Action, []string{"dynamodb:GetItem"}) || len(got.Resource) != 1 {
		t.Errorf("of the table it may %+v", got)
	}
	if !operatorsTask(t, off).ReadonlyRootFilesystem || operatorsTask(t, on).ReadonlyRootFilesystem {
		t.Error("the agent can write only where the choice was made")
	}
	if variables := containerVariables(t, on, "operator"); variables["STORE"] != "dynamodb" ||
		variables["EVENTS_TABLE"] == "" {
		t.Errorf("the page does not know the table: %v", variables)
	}
	for _, problem := range checkEnvironments(environments(t, on)) {
		t.Error(problem)
	}
	for _, short := range []string{"vpc.SecurityGroupIngressRule", "vpc.SecurityGroupEgressRule"} {
		if len(on.Of(short)) != len(off.Of(short)) {
			t.Errorf("the choice opens a port: %d and %d %s", len(off.Of(short)), len(on.Of(short)), short)
		}
	}
}
