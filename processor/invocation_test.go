package processor

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// samplePayload is a test file of package payload.
func samplePayload(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../internal/payload/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestAPayloadThatIsNotAKafkaEventCallsNoHandler(t *testing.T) {
	for _, text := range []string{"", "null", "[]", `{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`,
		strings.TrimSuffix(samplePayload(t, "hand-written.json"), "}")} {
		r := newRig()
		r.store = brokenStore{r.mem, func(call string) bool {
			t.Errorf("%q came to the store's %s", text, call)
			return true
		}}
		answer, err := payload.Function(r.build(t).Handle).Invoke(t.Context(), []byte(text))
		var fault *payload.FormatError
		if !errors.As(err, &fault) || answer != nil {
			t.Errorf("the answer to %q is %q, %v; want a FormatError", text, answer, err)
		}
	}
}

// Lambda's runtime reads the next payload into the same memory.
func TestAHandlerMayKeepItsEventWhenThePayloadIsGone(t *testing.T) {
	r := newRig()
	var kept event.Event
	r.mux.HandleFunc("keep", func(_ context.Context, e event.Event) error {
		kept = e
		return nil
	})
	one := record(1, "k", "id-1", "keep")
	one.Headers = append(one.Headers,
		payloadRecord(event.Record{Headers: []event.Header{{Key: "ce_tenant", Value: []byte("blue")}}}).Headers...)
	text := payloadOf(batchOf(one))
	if _, err := payload.Function(r.build(t).Handle).Invoke(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] = 'x'
	}
	if kept.ID != "id-1" || kept.Source != "/test" || kept.Type != "keep" || kept.Extension("tenant") != "blue" ||
		kept.DataContentType != "application/json" || string(kept.Data) != `{"n":1}` {
		t.Errorf("the event has become %+v, data %q", kept, kept.Data)
	}
}

func TestAPartitionIsNamedInTheAnswerAsItWasInThePayload(t *testing.T) {
	r := newRig()
	r.cfg.PartialBatchResponse = true
	r.dead.fail = func(event.Record) error { return errNo }
	answer, err := payload.Function(r.build(t).Handle).Invoke(t.Context(),
		[]byte(`{"records":{"<&>-0":[{"offset":7,"headers":[{"ce_id":[49]}]}]}}`))
	if want := `{"batchItemFailures":[{"itemIdentifier":{"partition":"<&>-0","offset":7}}]}`; err != nil ||
		string(answer) != want {
		t.Errorf("the answer is %s, %v; want %s", answer, err, want)
	}
}
