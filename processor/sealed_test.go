package processor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/event"
)

// opener decrypts by capitalizing letters, or fails.
type opener struct {
	err   error
	fails int // number of calls that fail; below 0: all
	asked int
}

func (o *opener) Open(_ context.Context, e *event.Event) error {
	o.asked++
	if o.err != nil && (o.fails < 0 || o.asked <= o.fails) {
		return o.err
	}
	e.Data = []byte(strings.ToUpper(string(e.Data)))
	return nil
}

// sealedRig has a handler that records the data of its events, and fails if the data is fail.
func sealedRig(o Opener) (r *rig, seen *[]string) {
	r, seen = newRig(), &[]string{}
	r.cfg.Opener = o
	r.mux.HandleFunc("order.created", func(_ context.Context, e event.Event) error {
		*seen = append(*seen, string(e.Data))
		if string(e.Data) == "FAIL" {
			return errors.New("fails")
		}
		return nil
	})
	return r, seen
}

func deliverSealed(ctx context.Context, t *testing.T, r *rig, data string) (event.Outcome, error) {
	t.Helper()
	one := withData("1", "order.created", data, event.Header{Key: "ce_datakeyid", Value: []byte("k")},
		event.Header{Key: "ce_datakeyalg", Value: []byte("A256GCM")})
	_, err := r.deliver(ctx, t, batchOf(one))
	o, _, _ := r.mem.Outcome(ctx, event.Identity{Source: "/test", ID: "1"})
	return o, err
}

func TestAHandlerIsGivenWhatWasEncryptedInEachAttemptAndTheDeadLetterStaysEncrypted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		r, seen := sealedRig(o)
		r.cfg.MaxAttempts = 3
		outcome, err := deliverSealed(t.Context(), t, r, "fail")
		if err != nil || outcome.Status != event.StatusDeadLettered || outcome.Attempts != 3 {
			t.Errorf("it ends as %+v (%v)", outcome, err)
		}
		if fmt.Sprint(*seen) != "[FAIL FAIL FAIL]" {
			t.Errorf("the handler saw %v", *seen)
		}
		if letters := r.dead.records; len(letters) != 1 || string(letters[0].Value) != "fail" {
			t.Errorf("the letters are %+v", letters)
		}
	})
}

func TestAnEventOfAForgottenSubjectIsDoneWithAndNoHandlerSeesIt(t *testing.T) {
	r, seen := sealedRig(&opener{err: fmt.Errorf("key: %w", event.ErrForgotten), fails: -1})
	for range 2 { // a copy is dropped
		o, err := deliverSealed(t.Context(), t, r, "x")
		if err != nil || o.Status != event.StatusProcessed || o.Reason != event.ReasonForgotten || o.Attempts != 0 {
			t.Errorf("it ends as %+v (%v)", o, err)
		}
	}
	if len(*seen) > 0 || len(r.dead.records) > 0 {
		t.Errorf("the handler saw %v, and dead letters are %v", *seen, r.dead.records)
	}
}

func TestDataThatCanNotBeDecryptedIsADeadLetterAtOnce(t *testing.T) {
	lost := &opener{err: fmt.Errorf("%w: no such key", event.ErrNoKey), fails: -1}
	for name, c := range map[string]struct {
		opener Opener
		reason string
	}{"a lost key": {lost, "no such key"}, "no keys at all": {nil, "this processor has no keys"}} {
		r, seen := sealedRig(c.opener)
		o, err := deliverSealed(t.Context(), t, r, "x")
		if err != nil || o.Status != event.StatusDeadLettered || !strings.Contains(o.Reason, c.reason) || len(*seen) > 0 {
			t.Errorf("with %s it ends as %+v (%v), the handler saw %v", name, o, err, *seen)
		}
	}
}

func TestWhileTheKeysAreAwayAnEventWaitsAndNoAttemptCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{err: errors.New("away"), fails: -1}
		r, seen := sealedRig(o)
		for range 3 { // more attempts than an event has
			if outcome, err := deliverSealed(t.Context(), t, r, "x"); err == nil || outcome.Status != "" {
				t.Errorf("it ends as %+v (%v)", outcome, err)
			}
			time.Sleep(time.Minute)
		}
		if o.asked < 3*r.cfg.MaxAttempts || len(*seen) > 0 || len(r.dead.records) > 0 {
			t.Errorf("asked %d times; the handler saw %v; letters %v", o.asked, *seen, r.dead.records)
		}
		o.asked, o.fails = 0, 2
		outcome, err := deliverSealed(t.Context(), t, r, "x")
		if err != nil || outcome.Status != event.StatusProcessed || outcome.Attempts != 1 || fmt.Sprint(*seen) != "[X]" {
			t.Errorf("once they are back it ends as %+v (%v), the handler saw %v", outcome, err, *seen)
		}
	})
}

// reversing decrypts by reversing the data.
type reversing struct{}

func (reversing) Open(_ context.Context, e *event.Event) error {
	slices.Reverse(e.Data)
	return nil
}

func TestTheSchemaIsHeldAgainstWhatWasEncrypted(t *testing.T) {
	for data, broken := range map[string]bool{`}9:"n"{`: false, `}99:"n"{`: true} {
		r := withSchemas(t)
		r.cfg.Opener = reversing{}
		called := false
		r.mux.HandleFunc("order.created", func(context.Context, event.Event) error { called = true; return nil })
		o, err := deliverSealed(t.Context(), t, r, data)
		if err != nil || called == broken || (o.Status == event.StatusDeadLettered) != broken {
			t.Errorf("%s ends as %+v (%v)", data, o, err)
		}
	}
}
