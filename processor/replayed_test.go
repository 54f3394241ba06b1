package processor

import (
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// replay returns the record that results from replaying dead letter n.
func (r *rig) replay(n int, offset int64) event.Record {
	letter := r.dead.all()[n]
	letter.Topic, letter.Offset = "events", offset
	return letter
}

func TestAReplayedDeadLetterIsProcessedOnce(t *testing.T) {
	for name, original := range map[string]event.Record{
		"an event with an id": {
			Place: event.Place{Topic: "events", Offset: 1}, Value: []byte("{}"),
			Headers: []event.Header{{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte("1")},
				{Key: "ce_source", Value: []byte("/test")}, {Key: "ce_type", Value: []byte(event.ForeignType)}},
		},
		"a record whose id is its position": {Place: event.Place{Topic: "events", Offset: 1}, Value: []byte("hello"),
			Timestamp: time.UnixMilli(1)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.cfg.MaxAttempts = 2
				h, calls := failing(4, errNo)
				r.mux.Handle(event.ForeignType, h)
				deliver := func(records ...event.Record) {
					t.Helper()
					for _, one := range records {
						if _, err := r.deliver(t.Context(), t, batchOf(payloadRecord(one))); err != nil {
							t.Fatal(err)
						}
					}
				}
				expect := func(wantCalls int64, wantLetters int) {
					t.Helper()
					if calls.Load() != wantCalls || r.dead.Len() != wantLetters {
						t.Fatalf("%d calls and %d dead letters, want %d and %d", calls.Load(), r.dead.Len(), wantCalls, wantLetters)
					}
				}
				deliver(original, original)
				expect(2, 1)
				deliver(r.replay(0, 10), r.replay(0, 10), r.replay(0, 11), original)
				expect(4, 2)
				deliver(r.replay(0, 12))
				expect(4, 2)
				deliver(r.replay(1, 20))
				expect(5, 2)
				deliver(r.replay(1, 20), r.replay(1, 21), r.replay(0, 13), original)
				expect(5, 2)

				source, id := "/test", "1"
				if original.Headers == nil {
					source, id = "/kafka/events", "events/0/1@1"
				}
				if o := r.outcome(t, source, id); o.Status != event.StatusProcessed || o.Hops != 2 || o.Offset != 20 ||
					o.Attempts != 1 {
					t.Errorf("outcome is %+v, want processed at once in its second replay", o)
				}
				last := r.dead.all()[1]
				if n := lastHeader(&last, headerHops); n != "2" ||
					len(last.Headers) != len(original.Headers)+len(deadLetterHeaders)-2 || lastHeader(&last, headerOffset) != "1" {
					t.Errorf("the second dead letter has %s hops and headers %v, want 2 hops, each header once, and its first "+
						"position", n, last.Headers)
				}
			})
		})
	}
}

func failuresAt(partition string, offsets ...int64) []payload.BatchItemFailure {
	failures := []payload.BatchItemFailure{}
	for _, offset := range offsets {
		failures = append(failures,
			payload.BatchItemFailure{ItemIdentifier: payload.ItemIdentifier{Partition: partition, Offset: offset}})
	}
	return failures
}
