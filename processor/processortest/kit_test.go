package processortest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
	"event-processing-service/processor/processortest"
)

func order(id, key string) event.Event {
	return event.Event{ID: id, Source: "/shop", Type: "order.created", Subject: key, DataContentType: "application/json",
		Data: []byte(`{"n":1}`)}
}

// ledger counts what took effect.
type ledger struct {
	mu   sync.Mutex
	rows map[string]int
	log  []string
}

func (l *ledger) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rows == nil {
		l.rows = map[string]int{}
	}
	l.rows[id]++
	l.log = append(l.log, id)
}

func (l *ledger) put(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rows == nil {
		l.rows = map[string]int{}
	}
	l.rows[id] = 1
}

func (l *ledger) count(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rows[id]
}

func handle(f func(e event.Event) error) processortest.Register {
	return processortest.Mux(func(mux *processor.Mux) {
		mux.HandleFunc("order.*", func(_ context.Context, e event.Event) error { return f(e) })
	})
}

func TestAHandlerThatBearsRepeatingPasses(t *testing.T) {
	var l ledger
	processortest.Run(t, handle(func(e event.Event) error { l.put(e.ID); return nil }), func(k *processortest.Kit) {
		k.ExpectOnce(order("o", "k"), l.count)
	})
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func TestAHandlerThatIsNotIdempotentFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		r := &recorder{TB: t}
		k := processortest.New(r, handle(func(e event.Event) error { l.add(e.ID); return nil }))
		k.ExpectOnce(order("o", "k"), l.count)
		if len(r.failures) != 1 || !strings.Contains(r.failures[0], "after a death after its handler takes effect 2 times") {
			t.Errorf("the kit says %q, want that it takes effect twice after a death after its handler", r.failures)
		}
	})
}

func TestAnExpectationThatIsNotMetFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{TB: t}
		k := processortest.New(r, handle(func(e event.Event) error {
			if e.ID == "bad" {
				return processor.Permanent(errors.New("no"))
			}
			return nil
		}))
		good, bad := order("good", "k"), order("bad", "l")
		k.Deliver(good, bad)
		k.ExpectProcessed(bad)
		k.ExpectDeadLetter(good, "no")
		k.ExpectDeadLetter(bad, "another reason")
		k.InvokeAndDie(processortest.AfterLetter, good)
		if len(r.failures) != 5 {
			t.Errorf("the kit tells of %d faults, want 5: %q", len(r.failures), r.failures)
		}
	})
}

func TestWhatAHandlerDoesWrongEndsInADeadLetter(t *testing.T) {
	for name, test := range map[string]struct {
		handler processor.HandlerFunc
		reason  string
	}{
		"an error": {func(context.Context, event.Event) error { return errors.New("shop is closed") }, "shop is closed"},
		"a panic":  {func(context.Context, event.Event) error { panic("boom") }, "panic: boom"},
		"a time-out": {func(ctx context.Context, _ event.Event) error { <-ctx.Done(); return ctx.Err() },
			"deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			register := processortest.Mux(func(mux *processor.Mux) { mux.Handle("order.created", test.handler) })
			processortest.Run(t, register, func(k *processortest.Kit) {
				bad, behind := order("bad", "k"), order("behind", "k")
				behind.Type = "recorded"
				k.Deliver(bad, behind)
				k.ExpectDeadLetter(bad, test.reason)
				k.ExpectProcessed(behind)
			})
		})
	}
}

func TestALetterIsStoredOnceIfTheProcessDiesAfterIt(t *testing.T) {
	fails := handle(func(event.Event) error { return processor.Permanent(errors.New("no")) })
	processortest.Run(t, fails, func(k *processortest.Kit) {
		bad := order("bad", "k")
		k.InvokeAndDie(processortest.AfterLetter, bad)
		k.Deliver(bad)
		k.ExpectDeadLetter(bad, "no")
	})
}

func TestEventsOfOneKeyKeepTheirOrderAndOthersDoNotWait(t *testing.T) {
	var l ledger
	slow := handle(func(e event.Event) error {
		if e.ID == "1" {
			time.Sleep(time.Second / 2)
		}
		l.add(e.ID)
		return nil
	})
	processortest.Run(t, slow, func(k *processortest.Kit) {
		k.Deliver(order("1", "a"), order("2", "a"), order("3", "b"))
		if got := strings.Join(l.log, " "); got != "3 1 2" {
			t.Errorf("the order is %s, want 3 1 2", got)
		}
	})
}

func TestWhatAnInvocationHasNoTimeForIsDoneInTheNext(t *testing.T) {
	attempts := 0
	slow := handle(func(event.Event) error {
		if attempts++; attempts < 4 {
			return errors.New("not yet")
		}
		return nil
	})
	processortest.Run(t, slow, func(k *processortest.Kit) {
		k.Time = 3 * time.Second
		if err := k.Invoke(order("1", "k")); err == nil {
			t.Error("three pauses of seconds fit in 3 s")
		}
		k.Deliver(order("1", "k"))
		k.ExpectProcessed(order("1", "k"))
	})
}
