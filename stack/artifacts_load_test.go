package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/stack/review"
)

func TestTheNightlyRunMeasuresTheStacksWhoseRolesMayStartTheLoad(t *testing.T) {
	c, err := review.ReadStack(root, "artifacts")
	if err != nil {
		t.Fatal(err)
	}
	var may artifactsConfig
	if err := json.Unmarshal([]byte(c.Values[ns+"artifacts"]), &may); err != nil {
		t.Fatal(err)
	}
	nightly, err := os.ReadFile(filepath.Join(root, ".github/workflows/nightly.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var measured []string
	for _, line := range regexp.MustCompile(`run: \.ci/load-test (\S+)`).FindAllSubmatch(nightly, -1) {
		measured = append(measured, string(line[1]))
	}
	if diff := cmp.Diff(may.LoadTested, measured); diff != "" || len(measured) == 0 {
		t.Errorf("stacks whose roles may start the load, and those that it runs on (-may +measured):\n%s", diff)
	}
}

func TestARoleMayStartTheOperatorsTaskOfItsOwnStackAndReadWhatItPrints(t *testing.T) {
	staging := recorded(t, "staging", false)
	var rights document
	text := find(t, recorded(t, "artifacts", false), "iam.RolePolicy", "staging").Text("policy")
	if err := json.Unmarshal([]byte(text), &rights); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, s := range rights.Statement {
		for _, action := range s.Action {
			if service, _, _ := strings.Cut(action, ":"); service == "ecs" || service == "logs" {
				got[action] = s.Resource
			}
		}
	}
	const us, ours = "us-east-1:123456789012:", "event-processing-service-stg"
	group := find(t, staging, "cloudwatch.LogGroup", "api").Text("name")
	tasks := []string{"arn:aws:ecs:" + us + "task/" + ours + "/*"}
	want := map[string][]string{"ecs:DescribeTasks": tasks, "ecs:StopTask": tasks,
		"ecs:RunTask":       {"arn:aws:ecs:" + us + "task-definition/" + ours + "-operator:*"},
		"logs:GetLogEvents": {"arn:aws:logs:" + us + "log-group:" + group + ":log-stream:operator/*"}}
	if diff := cmp.Diff(want, got); diff != "" || group == "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// The rest of what the script does it may do as who deploys the stack.
	own, _ := deployerPolicy(staging, rightsOf(staging))
	for action, resource := range map[string]string{"secretsmanager:GetSecretValue": "secret:" + ours + "/*",
		"iam:PassRole": "role/" + ours + "-*"} {
		if !slices.ContainsFunc(own.Statement, func(s statement) bool {
			return slices.Contains(s.Action, action) && strings.HasSuffix(s.Resource[0], resource)
		}) {
			t.Errorf("who deploys staging has no %s on %s", action, resource)
		}
	}
}
