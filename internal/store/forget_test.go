package store

import (
	"crypto/rand"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func TestTheTextOfAnErrorIsDeletedFromAnOutcomeWhichStays(t *testing.T) {
	d := local(t, "test-"+rand.Text(), time.Hour)
	if _, err := d.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	dead, done := event.Identity{Source: "/s", ID: "dead"}, event.Identity{Source: "/s", ID: "done"}
	for id, o := range map[event.Identity]event.Outcome{
		dead: {Status: event.StatusDeadLettered, Reason: "no such name: Lovelace", At: time.Now()},
		done: {Status: event.StatusProcessed, At: time.Now()},
	} {
		if _, err := d.Finish(t.Context(), event.Claim{Identity: id}, o); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		id   event.Identity
		want bool
	}{{dead, true}, {dead, false}, {done, false}, {event.Identity{Source: "/s", ID: "unknown"}, false}} {
		if changed, err := d.ForgetReason(t.Context(), c.id); changed != c.want || err != nil {
			t.Errorf("of %s it is changed: %v (%v), want %v", c.id.ID, changed, err, c.want)
		}
	}
	o, known, err := d.Outcome(t.Context(), dead)
	if !known || err != nil || o.Status != event.StatusDeadLettered || o.Reason != event.ReasonForgotten {
		t.Errorf("the outcome is %+v, %v (%v)", o, known, err)
	}
	if r, err := d.Finish(t.Context(), event.Claim{Identity: dead}, o); r.Answer != event.Done || err != nil {
		t.Errorf("a copy is answered %v (%v)", r.Answer, err)
	}
}
