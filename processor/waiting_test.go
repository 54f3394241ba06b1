package processor

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
)

// doneAt returns how long after start an event was processed.
func (r *rig) doneAt(t *testing.T, id string, start time.Time) time.Duration {
	t.Helper()
	o := r.outcome(t, "/test", id)
	if o.Status != event.StatusProcessed {
		t.Fatalf("event %s is %q, want processed", id, o.Status)
	}
	return o.At.Sub(start)
}

func TestAnEventThatWaitsForItsNextAttemptLeavesItsPlaceToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.Concurrency = 1
		h, _ := failing(3, errNo)
		r.mux.Handle("bad", h)
		start := time.Now()
		in := batchOf(record(1, "a", "1", "bad"), record(2, "b", "2", "other"), record(3, "c", "3", "other"))
		if _, err := r.deliver(invocation(t, time.Minute), t, in); err != nil {
			t.Fatal(err)
		}
		if late := r.doneAt(t, "3", start); late > 0 {
			t.Errorf("an event of another key waited %s for a pause of the first", late)
		}
		if took := r.doneAt(t, "1", start); took < 6*time.Second {
			t.Errorf("the first was done after %s, want its pauses", took)
		}
	})
}

func TestAHeldEventLeavesItsPlaceToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.Concurrency = 1
		held := event.Claim{Identity: event.Identity{Source: "/test", ID: "1"}, Owner: "died", Lease: 20 * time.Second}
		if _, err := r.mem.Begin(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := r.deliver(invocation(t, time.Minute), t,
			batchOf(record(1, "a", "1", "other"), record(2, "b", "2", "other"))); err != nil {
			t.Fatal(err)
		}
		if late := r.doneAt(t, "2", start); late > 0 {
			t.Errorf("an event of another key waited %s for another consumer", late)
		}
	})
}

func TestHandlersThatHangKeepOthersForASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.Concurrency = 4
		release := make(chan struct{})
		defer close(release)
		var running, most atomic.Int64
		r.mux.HandleFunc("hangs", func(context.Context, event.Event) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			<-release
			return nil
		})
		var records []events.KafkaRecord
		for i := range int64(10) {
			records = append(records, record(i, fmt.Sprint(i), fmt.Sprint("hangs ", i), "hangs"))
		}
		for i := range int64(20) {
			records = append(records, record(100+i, fmt.Sprint("k", i), fmt.Sprint("good ", i), "other"))
		}
		start := time.Now()
		_, _ = r.deliver(invocation(t, 14*time.Minute), t, batchOf(records...))
		for i := range 20 {
			if late := r.doneAt(t, fmt.Sprint("good ", i), start); late > 3*time.Second {
				t.Fatalf("event %d of another key waited %s for 10 that hang, 4 of them at a time", i, late)
			}
		}
	})
}

func TestSlowHandlersThatLendTheirPlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.Concurrency = 2
		var running, most atomic.Int64
		r.mux.HandleFunc("slow", func(context.Context, event.Event) error {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(9 * time.Second)
			running.Add(-1)
			return nil
		})
		var records []events.KafkaRecord
		for i := range int64(40) {
			records = append(records, record(i, "", fmt.Sprint(i), "slow"))
		}
		if _, err := r.deliver(invocation(t, 14*time.Minute), t, batchOf(records...)); err != nil {
			t.Fatal(err)
		}
		if most.Load() != (1+maxSlow)*2 {
			t.Errorf("%d at once, want %d", most.Load(), (1+maxSlow)*2)
		}
	})
}

func TestAnOutageOfWhatAHandlerNeedsIsRiddenOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		back := time.Now().Add(13 * time.Second)
		r.mux.HandleFunc("a", func(context.Context, event.Event) error {
			if time.Now().Before(back) {
				return errNo
			}
			return nil
		})
		var records []events.KafkaRecord
		for i := range int64(200) {
			records = append(records, record(i, fmt.Sprint(i%150), fmt.Sprint(i), "a"))
		}
		for deliveries := 0; ; deliveries++ {
			_, err := r.deliver(invocation(t, time.Minute), t, batchOf(records...))
			if err == nil {
				break
			}
			if deliveries == 3 {
				t.Fatal(err)
			}
		}
		if n := r.dead.Len(); n > 0 {
			t.Errorf("%d of 200 events were given up in an outage of 13 s", n)
		}
	})
}

func TestAnEventThatFailsWhileOthersSucceedIsGivenUpSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.mux.HandleFunc("a", func(_ context.Context, e event.Event) error {
			if e.ID == "0" {
				return errNo
			}
			time.Sleep(100 * time.Millisecond)
			return nil
		})
		records := []events.KafkaRecord{record(0, "bad", "0", "a")}
		for i := range int64(100) {
			records = append(records, record(1+i, fmt.Sprint(i%3), fmt.Sprint(1+i), "a"))
		}
		start := time.Now()
		if _, err := r.deliver(invocation(t, time.Minute), t, batchOf(records...)); err != nil {
			t.Fatal(err)
		}
		o := r.outcome(t, "/test", "0")
		if took := o.At.Sub(start); o.Status != event.StatusDeadLettered || o.Attempts != 5 || took > 2*time.Second {
			t.Errorf("it ended as %+v after %s, want a dead letter within 2 s: its partition waits for it", o, took)
		}
	})
}

func TestALeaseLastsAsLongAsTheHandlerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		var calls atomic.Int64
		r.mux.HandleFunc("slow", func(context.Context, event.Event) error {
			calls.Add(1)
			time.Sleep(4 * time.Minute)
			return nil
		}, Timeout(5*time.Minute))
		in := batchOf(record(1, "k", "1", "slow"))
		r.build(t)
		go func() { _, _ = r.deliver(invocation(t, 14*time.Minute), t, in) }()
		time.Sleep(3 * time.Minute)
		if _, err := r.deliver(invocation(t, 14*time.Minute), t, in); err != nil || calls.Load() != 1 {
			t.Errorf("%v, %d calls; want one, though its lease was %s", err, calls.Load(), r.cfg.lease())
		}
	})
}

func TestAnEventWhoseProcessDiedIsTakenOverSoonHoweverLongItsHandlerMayTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.AttemptTimeout = 10 * time.Minute
		h, calls := failing(0, nil)
		r.mux.Handle("a", h)
		dead := event.Claim{Identity: event.Identity{Source: "/test", ID: "1"}, Owner: "died", Lease: r.cfg.lease()}
		if _, err := r.mem.Begin(t.Context(), dead); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := r.deliver(invocation(t, time.Minute), t, batchOf(record(1, "k", "1", "a"))); err != nil ||
			calls.Load() != 1 {
			t.Fatalf("%v, %d calls", err, calls.Load())
		}
		if took := time.Since(start); took > 16*time.Second {
			t.Errorf("the event waited %s", took)
		}
	})
}

// fragile is a frequent mistake of handlers: a nil pointer in an error interface.
type fragile struct{ code int }

func (e *fragile) Error() string { return fmt.Sprint(e.code) }

type hostile struct{}

func (hostile) Error() string { return "hostile" }
func (hostile) Is(error) bool { panic("Is") }
func (hostile) As(any) bool   { panic("As") }
func (hostile) Unwrap() error { panic("Unwrap") }
func (hostile) String() string {
	panic("String")
}

func TestAnErrorThatPanicsWhenItIsReadIsAFailureLikeAnyOther(t *testing.T) {
	for want, h := range map[string]HandlerFunc{
		"error of type *processor.fragile that panics when it is read: runtime error": func(context.Context,
			event.Event) error {
			var e *fragile
			return e
		},
		"error of type processor.hostile that panics when it is read": func(context.Context,
			event.Event) error {
			return hostile{}
		},
		"panic: ": func(context.Context, event.Event) error { panic(hostile{}) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.mux.Handle("bad", h)
			if _, err := r.deliver(invocation(t, time.Minute), t, batchOf(record(1, "k", "1", "bad"))); err != nil {
				t.Fatal(err)
			}
			if o := r.outcome(t, "/test", "1"); o.Status != event.StatusDeadLettered || !strings.HasPrefix(o.Reason, want) {
				t.Errorf("outcome is %+v, want a dead letter for %q", o, want)
			}
		})
	}
}
