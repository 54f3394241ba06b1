package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/cmd/internal/assembly"
)

func headerOf(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func TestDeadLettersOfANamedProcessorAreListedAndReplayedAlone(t *testing.T) {
	b := newBroker(t)
	its := deadLetter("its", "t", "dlq-processor", "audit")
	its.Topic = "events.dlq.audit"
	misplaced := deadLetter("misplaced", "t")
	misplaced.Topic = "events.dlq.audit"
	b.put(deadLetter("first", "t"), its, misplaced)
	if diff := cmp.Diff([]string{"first"}, listed(t)); diff != "" {
		t.Errorf("the first processor's: %s", diff)
	}
	if diff := cmp.Diff([]string{"its", "misplaced"}, listed(t, "--processor", "audit")); diff != "" {
		t.Errorf("audit's: %s", diff)
	}
	_, says := must(t, "dlq", "replay", "--yes", "--processor", "audit")
	if !strings.Contains(says, `it is a letter of processor "", not of "audit"`) {
		t.Errorf("it says %s", says)
	}
	got := b.records("events")
	if len(got) != 1 || headerOf(got[0], "ce_id") != "its" || headerOf(got[0], "dlq-processor") != "audit" {
		t.Errorf("%d records came back: %v", len(got), got)
	}
	if pending := listed(t, "--pending"); len(pending) != 1 {
		t.Errorf("of the first processor's letters are pending %q", pending)
	}
}

func TestACopyOfARangeIsForTheProcessorThatIsNamed(t *testing.T) {
	b := newBroker(t)
	event := deadLetter("a", "t")
	event.Topic, event.Headers = "events", event.Headers[:5]
	b.put(event)
	must(t, "replay", "--from", "1h", "--to-topic", "recovery", "--yes", "--processor", "audit")
	must(t, "replay", "--from", "1h", "--to-topic", "recovery", "--yes")
	var to []string
	for _, r := range b.records("recovery") {
		to = append(to, headerOf(r, "dlq-processor"))
	}
	if diff := cmp.Diff([]string{"audit", ""}, to); diff != "" {
		t.Errorf("the copies are for (-want +got):\n%s", diff)
	}
}

func TestStatusOfANamedProcessorLooksAtItsGroup(t *testing.T) {
	newBroker(t)
	for name, group := range map[string]string{
		"": assembly.ConsumerGroup, "audit": assembly.ConsumerGroup + "-audit",
	} {
		_, _, err := eventctl(t, "status", "--processor", name)
		if err == nil || !strings.Contains(err.Error(), "the lag of "+group+":") {
			t.Errorf("of %q it says %v", name, err)
		}
	}
	t.Setenv("PROCESSOR", "audit") // as in its container
	if _, _, err := eventctl(t, "status", "--group", "stack"); err == nil ||
		!strings.Contains(err.Error(), "the lag of stack-audit:") {
		t.Errorf("with the stack's group it says %v", err)
	}
}

func TestAProcessorThatIsNotThereIsAnErrorBeforeAnythingRuns(t *testing.T) {
	b := newBroker(t)
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	if log, err := exec.Command("go", "build", "-o", bootstrap, "../processor").CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, log)
	}
	for _, args := range [][]string{
		{"trigger"}, {"trigger", "--bootstrap", bootstrap}, {"setup"}, {"topics", "apply"}, {"dlq", "list"},
		{"dlq", "replay", "--yes"}, {"invoke", "testdata/msk-event.json"},
		{"invoke", "testdata/msk-event.json", "--bootstrap", bootstrap},
	} {
		start := time.Now()
		_, _, err := eventctl(t, append(args, "--processor", "adit")...)
		if err == nil || !strings.Contains(err.Error(), `there is no processor "adit"`) ||
			time.Since(start) > 20*time.Second {
			t.Errorf("%v ends after %s with %v", args, time.Since(start), err)
		}
	}
	if topics := b.topics(); strings.Contains(strings.Join(topics, " "), "adit") {
		t.Errorf("topics were made: %q", topics)
	}
}

func (b *broker) topics() (names []string) {
	b.t.Helper()
	out, _ := must(b.t, "topics", "list")
	return strings.Fields(out)
}
