package processor

import (
	"testing"

	"event-processing-service/internal/event"
)

func TestAnEventWithoutAHandlerIsRecordedOnce(t *testing.T) {
	for name, payload := range map[string]struct{ json, source, id string }{
		"a payload of MSK":       {samplePayload, "/kafka/AWSKafkaTopic", "AWSKafkaTopic/0/0"},
		"a hand-written payload": {handWrittenPayload, "/kafka/events", "test_123"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			for range 2 {
				if _, err := r.deliver(t.Context(), t, parsePayload(t, payload.json)); err != nil {
					t.Fatal(err)
				}
			}
			if o := r.outcome(t, payload.source, payload.id); o.Status != event.StatusProcessed || o.Attempts != 1 {
				t.Errorf("outcome is %+v, want processed at the first attempt", o)
			}
			if n := r.dead.Len(); n != 0 {
				t.Errorf("%d dead letters, want none", n)
			}
		})
	}
}
