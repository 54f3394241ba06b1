package emf_test

import (
	"bytes"
	"context"
	"encoding/json"
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

func (granting) Begin(_ context.Context, c event.Claim) (event.Claim, error) { return c, nil }

func (granting) Finish(_ context.Context, c event.Claim, _ event.Outcome) (event.Claim, error) {
	c.State = event.ClaimGranted
	return c, nil
}

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
			t.Fatalf("%q is no JSON object: %v", text, err)
		}
		all = append(all, l)
	}
	return all
}

func TestADeadLetterIsCountedEvenIfTheFunctionDiesLaterInItsBatch(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
	var out bytes.Buffer
	store := emf.Store(granting{})
	handle := emf.Handle(func(ctx context.Context, _ *payload.Batch) (struct{}, error) {
		_, err := store.Finish(ctx, event.Claim{}, event.Outcome{Type: "order.created", Status: event.StatusDeadLettered, At: time.Now(), Attempts: 5})
		if err != nil {
			t.Fatal(err)
		}
		// Here the function would run out of memory: what is not written by now never is.
		written := lines(t, out.String())
		if len(written) != 1 || written[0].EventsDeadLettered == nil || *written[0].EventsDeadLettered != 1 || written[0].EventType != "order.created" {
			t.Fatalf("written so far: %s", out.String())
		}
		want := [][]string{{"FunctionName", "EventType"}, {"FunctionName"}}
		if diff := cmp.Diff(want, written[0].AWS.CloudWatchMetrics[0].Dimensions); diff != "" {
			t.Errorf("an alarm needs the number of all types (-want +got):\n%s", diff)
		}
		return struct{}{}, nil
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
