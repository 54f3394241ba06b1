package emf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/telemetry/emf"
)

// granting is a store that grants every claim.
type granting struct{}

func (granting) Begin(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{Answer: event.Granted}, nil
}

func (granting) Renew(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{Answer: event.Granted}, nil
}

func (granting) Finish(context.Context, event.Claim, event.Outcome) (event.Reply, error) {
	return event.Reply{Answer: event.Written}, nil
}

func (granting) Release(context.Context, event.Claim, int, string) error { return nil }

// line is a line of metrics.
type line struct {
	EventType          string
	EventsDeadLettered *int
	EventsProcessed    *int
	AWS                struct {
		CloudWatchMetrics []struct{ Dimensions [][]string }
	} `json:"_aws"`
}

func lines(t *testing.T, text string) (all []line) {
	t.Helper()
	for text := range strings.Lines(text) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%q is not a JSON object: %v", text, err)
		}
		all = append(all, l)
	}
	return all
}

func TestADeadLetterIsCountedEvenIfTheFunctionDiesLaterInItsBatch(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
	var out bytes.Buffer
	store := emf.Store(granting{})
	handle := emf.Function(func(ctx context.Context, _ *payload.Batch) (payload.Response, error) {
		_, err := store.Finish(ctx, event.Claim{},
			event.Outcome{Type: "order.created", Status: event.StatusDeadLettered, At: time.Now(), Attempts: 5})
		if err != nil {
			t.Fatal(err)
		}
		// Here the function would run out of memory: what is not written by now never is.
		written := lines(t, out.String())
		if len(written) != 1 || written[0].EventsDeadLettered == nil || *written[0].EventsDeadLettered != 1 ||
			written[0].EventType != "order.created" {
			t.Fatalf("written so far: %s", out.String())
		}
		var sets [][]string
		for _, directive := range written[0].AWS.CloudWatchMetrics {
			sets = append(sets, directive.Dimensions...)
		}
		want := [][]string{{"FunctionName", "EventType"}, {"FunctionName"}}
		if diff := cmp.Diff(want, sets); diff != "" || len(written[0].AWS.CloudWatchMetrics) != 2 {
			t.Errorf("an alarm needs the number of all types in a directive of its own (-want +got):\n%s", diff)
		}
		return payload.Response{}, nil
	}, &out)
	if _, err := handle(t.Context(), new(payload.Batch)); err != nil {
		t.Fatal(err)
	}
	counted := 0
	for _, l := range lines(t, out.String()) {
		if l.EventsDeadLettered != nil {
			counted += *l.EventsDeadLettered
		}
	}
	if counted != 1 {
		t.Errorf("one dead letter is counted %d times:\n%s", counted, out.String())
	}
}

// metricsOf runs an invocation in which events of these types become dead letters, and returns what was written.
func metricsOf(t *testing.T, handle func(types []string), out *bytes.Buffer, types ...string) []line {
	t.Helper()
	out.Reset()
	handle(types)
	return lines(t, out.String())
}

// counting is a function that dead-letters events of the types that it is handed.
func counting(t *testing.T, out *bytes.Buffer, incomplete bool) func(types []string) {
	t.Helper()
	store := emf.Store(granting{})
	var types []string
	function := emf.Function(func(ctx context.Context, _ *payload.Batch) (payload.Response, error) {
		for _, eventType := range types {
			o := event.Outcome{Type: eventType, Status: event.StatusDeadLettered, At: time.Now(), Incomplete: incomplete}
			if _, err := store.Finish(ctx, event.Claim{}, o); err != nil {
				t.Fatal(err)
			}
		}
		return payload.Response{}, nil
	}, out)
	return func(all []string) {
		types = all
		if _, err := function(t.Context(), new(payload.Batch)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADimensionIsOneThatCloudWatchTakes(t *testing.T) {
	var out bytes.Buffer
	for eventType, want := range map[string]string{
		"": "(none)", "  \t": "(none)", "order.created": "order.created", "a b": "a b", "größe": "(other)",
		"a\x00": "(other)", "a\x7f": "(other)",
		":order": "(other)", strings.Repeat("x", 1025): "(other)", strings.Repeat("x", 1024): strings.Repeat("x", 1024),
	} {
		written := metricsOf(t, counting(t, &out, false), &out, eventType)
		if got := written[0].EventType; got != want {
			t.Errorf("a dead letter of type %.20q is counted under %.20q, want %.20q", eventType, got, want)
		}
	}
}

func TestTheBoundOfTypesHoldsOverAllInvocations(t *testing.T) {
	var out bytes.Buffer
	handle, seen := counting(t, &out, false), map[string]bool{}
	for batch := range 6 {
		var types []string
		for i := range 30 {
			types = append(types, "type-"+strconv.Itoa(batch*30+i))
		}
		for _, l := range metricsOf(t, handle, &out, types...) {
			if l.EventType != "" {
				seen[l.EventType] = true
			}
		}
	}
	if len(seen) != 21 || !seen["(other)"] {
		t.Errorf("180 types made %d values of the dimension, want 20 and (other)", len(seen))
	}
}

// unreadable is a store with something of another program under every identity.
type unreadable struct{ granting }

func (unreadable) Begin(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{}, fmt.Errorf("claim event: %w", event.ErrUnreadable)
}

func TestADeadLetterThatNoStoreRemembersIsCountedToo(t *testing.T) {
	var out bytes.Buffer
	store := emf.Store(unreadable{})
	function := emf.Function(func(ctx context.Context, _ *payload.Batch) (payload.Response, error) {
		_, _ = store.Begin(ctx, event.Claim{Type: "t"})
		return payload.Response{}, nil
	}, &out)
	if _, err := function(t.Context(), new(payload.Batch)); err != nil {
		t.Fatal(err)
	}
	if all := lines(t, out.String()); all[0].EventsDeadLettered == nil || all[0].EventType != "t" {
		t.Errorf("written was %s", &out)
	}
}

func TestALetterWithoutItsValueIsCountedOfItsOwn(t *testing.T) {
	var out bytes.Buffer
	for incomplete, want := range map[bool]string{true: `"DeadLettersIncomplete":1`, false: `"DeadLettersIncomplete":0`} {
		metricsOf(t, counting(t, &out, incomplete), &out, "t")
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in %s", want, &out)
		}
	}
}
