package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/stack/review"
)

func TestThePageSaysHowLongTheProgramKeepsEverything(t *testing.T) {
	want, err := review.Retention(root, offlineProgram())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := review.WriteRetention(root, offlineProgram()); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(filepath.Join(root, review.RetentionPath))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(have)); diff != "" {
		t.Errorf("go run ./stack retention would change %s:\n%s", review.RetentionPath, diff)
	}
}

func TestAMistakeInTheRetentionIsReportedByItsKey(t *testing.T) {
	for _, tc := range []struct {
		change func(*review.StackConfig)
		want   string
	}{
		{at(ns+"retention", ""), "retention: is not set"},
		{in("retention", "topicHours", nil), "retention.topicHours: is not set"},
		{in("retention", "topicHours", 0), "retention.topicHours: must be 1 or more, is 0"},
		{in("retention", "logDays", 8), "retention.logDays: CloudWatch Logs has no retention of 8 days"},
		{in("retention", "flowLogDays", 0), "retention.flowLogDays: must be 1 or more, is 0"},
		{in("retention", "outcomeDays", 4000), "retention.outcomeDays: must be 3653 or less, is 4000"},
		{in("retention", "outcomeDays", 13),
			"retention.outcomeDays: must be 14 or more: a dead letter can be replayed for as long, is 13"},
		{in("retention", "topicHours", 721), "retention.outcomeDays: must be 31 or more: an event can be replayed from the " +
			"topic for 721 hours, and a forgotten event takes effect again, is 30"},
		{in("kafka", "retentionHours", 72), "kafka.retentionHours: has moved to retention.topicHours, as all that says how " +
			"long something is kept (docs/retention.md)"},
		{in("kafka", "logRetentionDays", 7), "kafka.logRetentionDays: has moved to retention.logDays"},
		{in("api", "logRetentionDays", 7), "api.logRetentionDays: has moved to retention.logDays"},
		{in("processor", "logRetentionDays", 7), "processor.logRetentionDays: has moved to retention.logDays"},
		{more("audit", map[string]any{"logRetentionDays": 7}),
			"processors.audit.logRetentionDays: has moved to retention.logDays"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			_, err := review.RecordConfig(root, "dev", changed(t, "dev", tc.change), withHandlers(), &review.Recorder{})
			if err == nil || !strings.Contains(err.Error(), "1 problem(s)") || !strings.Contains(err.Error(), "\n"+tc.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestEachProcessorRemembersAsLongAsTheStacksFileSays(t *testing.T) {
	c := changed(t, "dev", both(in("retention", "outcomeDays", 45), more("audit", nil)))
	g, err := review.RecordConfig(root, "dev", c, withHandlers(), &review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range []string{"processor", "processor-audit"} {
		remembered := find(t, g, "lambda.Function", function).Text("environment", "variables", "OUTCOME_RETENTION")
		if remembered != "1080h" {
			t.Errorf("%s remembers for %s", function, remembered)
		}
	}
}
