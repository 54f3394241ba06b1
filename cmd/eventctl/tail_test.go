package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// accepted is an event as the API stores it.
func accepted(id, eventType string) *kgo.Record {
	r := &kgo.Record{Topic: "events", Key: []byte("key-" + id), Value: []byte("1")}
	for _, h := range [][2]string{{"ce_specversion", "1.0"}, {"ce_id", id}, {"ce_source", "/test"},
		{"ce_type", eventType}} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	return r
}

// tailed runs tail until it has printed most lines, and returns "state id" of each, sorted.
func tailed(t *testing.T, most int, args ...string) []string {
	t.Helper()
	out, _ := must(t, append([]string{"tail", "--since", "1h", "-o", "json", "--max", fmt.Sprint(most)}, args...)...)
	var lines []string
	for text := range strings.Lines(out) {
		var l struct{ State, ID string }
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("line %q: %v", text, err)
		}
		lines = append(lines, l.State+" "+l.ID)
	}
	slices.Sort(lines)
	return lines
}

func TestTailShowsWhatBecomesOfEvents(t *testing.T) {
	b := newBroker(t)
	replayed := deadLetter("c", "user.created")
	replayed.Topic = "events"
	b.put(accepted("a", "order.created"), accepted("b", "order.paid"), replayed, deadLetter("b", "order.paid"))
	url, _ := standIn(t, 0, "", func(path string) (int, string) {
		if strings.HasPrefix(path, "/v1/events/b?") {
			return 200, `{"status":"dead-lettered","attempts":5}`
		}
		return 200, `{"status":"processed","attempts":1,"completed_at":"2026-01-31T12:00:00Z"}`
	})
	all := []string{"accepted a", "accepted b", "dead-lettered b", "processed a", "processed c", "replayed c"}
	for args, want := range map[string][]string{
		"":                           all,
		"--type order.*":             {"accepted a", "accepted b", "dead-lettered b", "processed a"},
		"--state processed":          {"processed a", "processed c"},
		"--state replayed,processed": {"processed a", "processed c", "replayed c"},
		"--key key-b":                {"accepted b", "dead-lettered b"},
	} {
		got := tailed(t, len(want), append(strings.Fields(args), "--url", url)...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", args, diff)
		}
	}
}

func TestTailTellsPeopleInOneLineAndNoTerminalAnything(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a\n\x1b[2J", "t\u009b", "dlq-error", "boom\nprocessed"))
	out, _ := must(t, "tail", "--since", "1h", "--max", "1")
	if strings.Count(out, "\n") != 1 || strings.ContainsAny(out, "\x1b\u009b") ||
		!strings.Contains(out, "dead-lettered") ||
		!strings.Contains(out, "after 5 attempts") || !strings.Contains(out, "events.dlq/0@0") {
		t.Errorf("it prints %q", out)
	}
}

func TestTailRefusesWhatItWouldWaitForInVain(t *testing.T) {
	newBroker(t)
	if _, _, err := eventctl(t, "tail", "--state", "done"); !errors.Is(err, errUsage) {
		t.Errorf("a state that does not exist: %v", err)
	}
	t.Setenv("KAFKA_TOPIC", "missing")
	if _, _, err := eventctl(t, "tail", "--max", "1"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a topic that does not exist: %v", err)
	}
}

func TestOutcomesAreAskedForLessAndLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asks := map[string]int{}
		ctx, end := context.WithCancel(t.Context())
		tail := tail{asks: make(chan stateLine, asked), end: end, states: []string{"none"}}
		tail.outcome = func(_ context.Context, id event.Identity) (o event.Outcome, known bool, err error) {
			asks[id.ID]++
			if id.ID == "quick" {
				return event.Outcome{Status: event.StatusProcessed}, true, nil
			}
			return o, false, nil
		}
		for _, id := range []string{"never", "quick"} {
			tail.asks <- stateLine{ID: id, State: stateAccepted}
		}
		done := make(chan struct{})
		go func() { defer close(done); tail.followOutcomes(ctx) }()
		time.Sleep(time.Hour)
		end()
		<-done
		if asks["quick"] != 1 || asks["never"] < 100 || asks["never"] > 130 {
			t.Errorf("asked %v times; want once, and for 10 minutes every 5 s at last", asks)
		}
	})
}
