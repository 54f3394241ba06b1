package processor

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/event"
)

// handled counts the calls of a rig's handler by the data of foreign records.
func (r *rig) handled() *[]string {
	var seen []string
	r.mux.HandleFunc(event.ForeignType, func(_ context.Context, e event.Event) error {
		seen = append(seen, string(e.Data))
		return nil
	})
	return &seen
}

func foreignRecord(offset, ms int64, value string) event.Record {
	return event.Record{Place: event.Place{Topic: "events", Offset: offset}, Timestamp: time.UnixMilli(ms),
		Value: []byte(value)}
}

func (r *rig) deliverRecords(t *testing.T, records ...event.Record) {
	t.Helper()
	for _, one := range records {
		if _, err := r.deliver(t.Context(), t, batchOf(payloadRecord(one))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForeignRecordsOfOneEntityAllTakeEffect(t *testing.T) {
	r := newRig()
	seen := r.handled()
	created, paid := foreignRecord(1, 5, `{"id":"77","status":"created"}`),
		foreignRecord(2, 6, `{"id":"77","status":"paid"}`)
	r.deliverRecords(t, created, paid, created, paid)
	if want := []string{string(created.Value), string(paid.Value)}; !slices.Equal(*seen, want) {
		t.Errorf("handled were %q, want %q", *seen, want)
	}
}

func TestTheMemberThatTheOperatorNamesIsTheIDOfAForeignRecord(t *testing.T) {
	r := newRig()
	r.cfg.ForeignIDMember = "event_id"
	seen := r.handled()
	r.deliverRecords(t,
		foreignRecord(1, 5, `{"event_id":"e-1"}`), foreignRecord(2, 6, `{"event_id":"e-1","again":true}`),
		foreignRecord(3, 7, `{"event_id":"e-2"}`), foreignRecord(4, 8, `{}`),
		foreignRecord(5, 9, `{"event_id":"events/0/4@8"}`)) // a record can't take another's place
	if want := []string{`{"event_id":"e-1"}`, `{"event_id":"e-2"}`, `{}`,
		`{"event_id":"events/0/4@8"}`}; !slices.Equal(*seen, want) {
		t.Errorf("handled were %q, want %q", *seen, want)
	}
}

func TestTheRecordsOfARecreatedTopicAreNewOnes(t *testing.T) {
	r := newRig()
	seen := r.handled()
	bad := foreignRecord(0, 5, "x")
	bad.Headers = []event.Header{{Key: "ce_id", Value: []byte("1")}}
	again := bad
	again.Timestamp = time.UnixMilli(1005)
	r.deliverRecords(t, bad, foreignRecord(1, 6, "old"), again, foreignRecord(1, 1006, "new"))
	if want := []string{"old", "new"}; !slices.Equal(*seen, want) || r.dead.Len() != 2 {
		t.Errorf("handled were %q, and %d dead letters; want %q and 2", *seen, r.dead.Len(), want)
	}
}

// Topics and tables still have letters and outcomes from the time when places had no timestamp.
func TestAReplayOfAnOldDeadLetterIsTheEventThatWasDeadLettered(t *testing.T) {
	for name, test := range map[string]struct{ value, id string }{
		"known by its place":     {"hello", "events/0/1"},
		"known by an id of JSON": {`{"id":"77"}`, "77"},
		"a record that was none": {"", "events/0/1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				fails := true
				r.mux.HandleFunc(event.ForeignType, func(context.Context, event.Event) error {
					if fails {
						return Permanent(errNo)
					}
					return nil
				})
				original := foreignRecord(1, 5, test.value)
				if test.value == "" {
					original.Headers = []event.Header{{Key: "ce_id", Value: []byte("1")}}
				}
				letter := newDeadLetter(&original, "events.dlq", failure{err: "no", attempts: 1, at: time.Now()})
				letter.Headers = slices.DeleteFunc(letter.Headers, func(h event.Header) bool { return h.Key == headerVersion })
				id := event.Identity{Source: "/kafka/events", ID: test.id}
				old := event.Outcome{Status: event.StatusDeadLettered, Attempts: 1, At: time.Now()}
				if _, err := r.mem.Finish(t.Context(), event.Claim{Identity: id}, old); err != nil {
					t.Fatal(err)
				}
				again, _ := Replay(&letter)
				again.Offset, again.Timestamp = 9, time.UnixMilli(5009)
				r.deliverRecords(t, again)
				o := r.outcome(t, id.Source, id.ID)
				if o.Status != event.StatusDeadLettered || o.Hops != 1 || r.dead.Len() != 1 {
					t.Fatalf("after its replay the outcome is %+v, and there are %d letters", o, r.dead.Len())
				}
				if test.value == "" {
					return
				}
				fails = false
				second := r.dead.all()[0] // written by this version, for an event of the previous one
				third, _ := Replay(&second)
				third.Topic, third.Offset = "events", 10
				r.deliverRecords(t, third, third)
				if o := r.outcome(t, id.Source, id.ID); o.Status != event.StatusProcessed || o.Hops != 2 || r.dead.Len() != 1 {
					t.Errorf("after its second replay the outcome is %+v", o)
				}
			})
		})
	}
}
