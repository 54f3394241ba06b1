package processor

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
)

func TestAHandlersOwnAttemptsPausesAndTimeReplaceTheConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		var pauses []time.Duration
		r.mux.HandleFunc("slow", func(ctx context.Context, _ event.Event) error {
			<-ctx.Done()
			return ctx.Err()
		}, Attempts(3), Timeout(time.Second), Backoff(20*time.Second, 25*time.Second))
		r.build(t).jitter = func(d time.Duration) time.Duration {
			pauses = append(pauses, d)
			return d
		}
		start := time.Now()
		if _, err := r.deliver(invocation(t, 2*time.Minute), t, batchOf(record(1, "k", "1", "slow"))); err != nil {
			t.Fatal(err)
		}
		if o := r.outcome(t, "/test", "1"); o.Status != event.StatusDeadLettered || o.Attempts != 3 {
			t.Errorf("outcome is %+v, want dead-lettered after 3 attempts", o)
		}
		if took := time.Since(start); took != 3*time.Second+time.Second+25*time.Second {
			t.Errorf("it took %s with pauses of %v, want 29 s: three attempts of a second, pauses of 1 s and 25 s", took, pauses)
		}
	})
}

func TestAHandlersOwnConcurrencyDelaysNoOtherHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.Concurrency = 8
		var running, most atomic.Int64
		r.mux.HandleFunc("few", func(context.Context, event.Event) error {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second / 2)
			running.Add(-1)
			return nil
		}, Concurrency(2))
		var records []events.KafkaRecord
		for i := range int64(20) {
			records = append(records, record(i, fmt.Sprint(i), fmt.Sprint(i), "few"))
		}
		records = append(records, record(20, "other", "20", "other"))
		start := time.Now()
		if _, err := r.deliver(t.Context(), t, batchOf(records...)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); most.Load() != 2 || took != 5*time.Second {
			t.Errorf("%d at once in %s, want 2, and 10 s of work in 5 s", most.Load(), took)
		}
		if late := r.doneAt(t, "20", start); late > 0 {
			t.Errorf("an event of another handler waited %s", late)
		}
	})
}

func TestUnorderedEventsDoNotWaitForOthersOfTheirKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		pause := func(context.Context, event.Event) error {
			time.Sleep(time.Second)
			return nil
		}
		r.mux.HandleFunc("free", pause, Unordered())
		r.mux.HandleFunc("strict", pause)
		in := batchOf(record(1, "k", "1", "strict"), record(2, "k", "2", "free"), record(3, "k", "3", "free"),
			record(4, "k", "4", "strict"))
		start := time.Now()
		if _, err := r.deliver(t.Context(), t, in); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]time.Duration{"1": time.Second, "2": time.Second, "3": time.Second,
			"4": 2 * time.Second} {
			if took := r.doneAt(t, id, start); took != want {
				t.Errorf("event %s was done after %s, want %s", id, took, want)
			}
		}
	})
}

func TestAnOptionThatMakesNoSensePanics(t *testing.T) {
	for name, option := range map[string]func(){
		"no time": func() { Timeout(0) }, "no attempt": func() { Attempts(0) },
		"too many attempts": func() { Attempts(1001) },
		"no pause":          func() { Backoff(0, time.Second) }, "limit below base": func() { Backoff(2, 1) },
		"nobody": func() { Concurrency(0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", name)
				}
			}()
			option()
		}()
	}
}
