package processor

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

var errNo = errors.New("no")

// failing returns a handler that fails in its first n calls, and a pointer to the number of its calls.
func failing(n int64, err error) (HandlerFunc, *atomic.Int64) {
	var calls atomic.Int64
	return func(context.Context, event.Event) error {
		if calls.Add(1) <= n {
			return err
		}
		return nil
	}, &calls
}

// invocation is the context of a Lambda function with that timeout.
func invocation(t *testing.T, timeout time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

func TestAFailedEventIsTriedAgainAfterAPauseThatDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		h, calls := failing(3, errNo)
		r.mux.Handle("a", h)
		var pauses []time.Duration
		r.build(t).jitter = func(d time.Duration) time.Duration {
			pauses = append(pauses, d)
			return d
		}
		start := time.Now()
		if _, err := r.deliver(invocation(t, time.Minute), t, batchOf(record(1, "k", "1", "a"))); err != nil {
			t.Fatal(err)
		}
		const ms = time.Millisecond
		// For the second and third: the pause if others succeed meanwhile, and the pause otherwise.
		if diff := cmp.Diff([]time.Duration{100 * ms, 200 * ms, 4000 * ms, 400 * ms, 8000 * ms}, pauses); diff != "" {
			t.Errorf("bounds of the pauses (-want +got):\n%s", diff)
		}
		if took := time.Since(start); took != 12100*time.Millisecond {
			t.Errorf("it took %s, want the pauses' 12.1 s", took)
		}
		if o := r.outcome(t, "/test", "1"); calls.Load() != 4 || o.Status != event.StatusProcessed || o.Attempts != 4 {
			t.Errorf("handler was called %d times, outcome %+v; want processed at the 4th", calls.Load(), o)
		}
	})
}

func TestABackoffHasACap(t *testing.T) {
	for failures, want := range map[int]time.Duration{1: 100 * time.Millisecond, 6: 3200 * time.Millisecond,
		7: 5 * time.Second, 1000: 5 * time.Second} {
		if got := doubled(100*time.Millisecond, 5*time.Second, failures); got != want {
			t.Errorf("after %d failures the pause is up to %s, want %s", failures, got, want)
		}
	}
	for range 1000 {
		if d := jitter(7); d < 3 || d > 7 {
			t.Fatalf("jitter of 7 ns gives %s", d)
		}
	}
}

func TestAnEventIsDeadLetteredWhenItsAttemptsAreUsedUp(t *testing.T) {
	for name, test := range map[string]struct {
		handler  HandlerFunc
		attempts int
		reason   string
	}{
		"an error":          {func(context.Context, event.Event) error { return errNo }, 5, "no"},
		"a permanent error": {func(context.Context, event.Event) error { return Permanent(errNo) }, 1, "no"},
		"a panic":           {func(context.Context, event.Event) error { panic("boom") }, 5, "panic: boom"},
		"a panic with nil": {func(context.Context, event.Event) error { panic(nil) }, 5,
			"panic: panic called with nil argument"},
		"an ended goroutine": {func(context.Context, event.Event) error { runtime.Goexit(); return nil }, 5,
			"handler ended its goroutine"},
		"a time-out": {func(ctx context.Context, _ event.Event) error { <-ctx.Done(); return ctx.Err() }, 5,
			"context deadline exceeded"},
		"changed data": {func(_ context.Context, e event.Event) error {
			e.Data[0] = 'X'
			return errNo
		}, 5, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				calls, next := 0, 0
				r.mux.HandleFunc("bad", func(ctx context.Context, e event.Event) error {
					calls++
					if string(e.Data) != `{"n":1}` {
						t.Errorf("attempt %d sees the data %s", calls, e.Data)
					}
					return test.handler(ctx, e)
				})
				r.mux.HandleFunc("good", func(context.Context, event.Event) error {
					next = calls
					return nil
				})
				in := batchOf(record(1, "k", "1", "bad"), record(2, "k", "2", "good"))
				for range 2 { // a second delivery changes nothing
					if _, err := r.deliver(invocation(t, 14*time.Minute), t, in); err != nil {
						t.Fatal(err)
					}
				}
				if calls != test.attempts || next != calls {
					t.Errorf("handler was called %d times, %d of them before the next event; want %d", calls, next, test.attempts)
				}
				o := r.outcome(t, "/test", "1")
				if o.Status != event.StatusDeadLettered || o.Attempts != test.attempts ||
					!strings.HasPrefix(o.Reason, test.reason) {
					t.Errorf("outcome is %+v, want dead-lettered after %d attempts for %q", o, test.attempts, test.reason)
				}
				if letters := r.dead.all(); len(letters) != 1 || string(letters[0].Value) != `{"n":1}` ||
					lastHeader(&letters[0], headerError) != o.Reason {
					t.Errorf("dead letters are %+v, want the record once", letters)
				}
				if o := r.outcome(t, "/test", "2"); o.Status != event.StatusProcessed {
					t.Errorf("the next event of the key is %q, want processed", o.Status)
				}
			})
		})
	}
}

func TestAHandlerThatDoesNotStopCannotHoldTheBatch(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"long": 14 * time.Minute,
		"as long as an attempt": 30 * time.Second, "short": 3 * time.Second} {
		t.Run("invocation is "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				var calls atomic.Int64
				release := make(chan struct{})
				defer close(release)
				r.mux.HandleFunc("hangs", func(context.Context, event.Event) error {
					calls.Add(1)
					<-release
					return nil
				})
				in := batchOf(record(1, "k", "1", "hangs"), record(2, "k", "2", "other"), record(3, "l", "3", "other"))
				for deliveries := 1; ; deliveries++ {
					start := time.Now()
					_, err := r.deliver(invocation(t, timeout), t, in)
					if took := time.Since(start); took >= timeout {
						t.Fatalf("the answer took %s, the invocation has %s", took, timeout)
					}
					if o := r.outcome(t, "/test", "3"); o.Status != event.StatusProcessed {
						t.Fatalf("an event of another key is %q after delivery %d, want processed", o.Status, deliveries)
					}
					if err == nil {
						break
					}
					if deliveries == 10 {
						t.Fatalf("after 10 deliveries: %v", err)
					}
				}
				if o := r.outcome(t, "/test", "1"); calls.Load() != 5 || o.Status != event.StatusDeadLettered || o.Attempts != 5 ||
					r.dead.Len() != 1 {
					t.Errorf("%d calls, %d dead letters, outcome %+v; want 5 calls and then one dead letter", calls.Load(),
						r.dead.Len(), o)
				}
				if o := r.outcome(t, "/test", "2"); o.Status != event.StatusProcessed {
					t.Errorf("the next event of the key is %q, want processed", o.Status)
				}
			})
		})
	}
}

func TestAHandlerThatStopsInTimeIsNotRunTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		running := 0
		r.mux.HandleFunc("slow", func(ctx context.Context, _ event.Event) error {
			if running++; running > 1 {
				t.Error("the next attempt began before the one before had ended")
			}
			<-ctx.Done()
			time.Sleep(2 * time.Second) // it cleans up, within half of the margin
			running--
			return ctx.Err()
		})
		if _, err := r.deliver(invocation(t, 14*time.Minute), t, batchOf(record(1, "k", "1", "slow"))); err != nil {
			t.Fatal(err)
		}
		if r.dead.Len() != 1 {
			t.Errorf("%d dead letters, want 1", r.dead.Len())
		}
	})
}

func TestAttemptsAreCountedOverDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.BackoffBase, r.cfg.BackoffCap = time.Hour, time.Hour // no second attempt within one invocation
		h, calls := failing(100, errNo)
		r.mux.Handle("bad", h)
		in := batchOf(record(1, "k", "1", "bad"))
		r.build(t).jitter = func(d time.Duration) time.Duration { return d }
		start := time.Now()
		for delivery := 1; delivery < 5; delivery++ {
			if _, err := r.deliver(invocation(t, time.Minute), t, in); err == nil || !strings.HasSuffix(err.Error(), ": no") {
				t.Fatalf("delivery %d gives %v, want the handler's error", delivery, err)
			}
			if calls.Load() != int64(delivery) || r.dead.Len() != 0 {
				t.Fatalf("delivery %d: %d calls, %d dead letters", delivery, calls.Load(), r.dead.Len())
			}
		}
		if _, err := r.deliver(invocation(t, time.Minute), t, in); err != nil || calls.Load() != 5 || r.dead.Len() != 1 {
			t.Errorf("the fifth delivery gives %v, %d calls, %d dead letters; want the dead letter", err, calls.Load(),
				r.dead.Len())
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("deliveries waited %s for a pause that no attempt follows, or for a lease that was given back", took)
		}
	})
}

func TestAShutdownIsNotTheEventsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.mux.HandleFunc("slow", func(ctx context.Context, _ event.Event) error {
			<-ctx.Done()
			return ctx.Err()
		})
		in := batchOf(record(1, "k", "1", "slow"))
		for range 10 {
			ctx, stop := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, stop)
			if _, err := r.deliver(ctx, t, in); err == nil || !strings.HasSuffix(err.Error(), "context canceled") {
				t.Fatalf("a delivery that was cut off gives %v", err)
			}
		}
		c, err := r.mem.Begin(t.Context(), event.Claim{Identity: event.Identity{Source: "/test", ID: "1"}, Owner: "x"})
		if err != nil || c.Answer != event.Granted || c.Attempt != 1 {
			t.Errorf("after ten shutdowns the event is at %+v, want attempt 1", c)
		}
	})
}

func TestWorkOfADeadProcessIsTakenOverWhenItsLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		h, calls := failing(0, nil)
		r.mux.Handle("a", h)
		in := batchOf(record(1, "k", "1", "a"), record(2, "l", "2", "a"))
		dead := event.Claim{Identity: event.Identity{Source: "/test", ID: "1"}, Lease: time.Minute}
		died := func(owner string) {
			dead.Owner = owner
			if c, err := r.mem.Begin(t.Context(), dead); err != nil || c.Answer != event.Granted {
				t.Fatalf("claim is %+v, %v", c, err)
			}
		}
		died("first")
		if _, err := r.deliver(invocation(t, 30*time.Second), t, in); !errors.Is(err, errHeld) || calls.Load() != 1 {
			t.Fatalf("while the lease lasts: %v, %d calls; want one call, for the other event", err, calls.Load())
		}
		start := time.Now()
		if _, err := r.deliver(invocation(t, 14*time.Minute), t, in); err != nil || calls.Load() != 2 {
			t.Fatalf("after it: %v, %d calls; want both events processed", err, calls.Load())
		}
		if o := r.outcome(t, "/test", "1"); o.Attempts != 2 || time.Since(start) > time.Minute {
			t.Errorf("outcome is %+v after %s, want the second attempt soon after the lease", o, time.Since(start))
		}

		dead.Identity.ID, dead.Lease = "3", time.Nanosecond
		for _, owner := range []string{"1st", "2nd", "3rd", "4th", "5th"} {
			died(owner)
			time.Sleep(time.Millisecond)
		}
		if _, err := r.deliver(invocation(t, time.Minute), t, batchOf(record(3, "k", "3", "a"))); err != nil ||
			calls.Load() != 2 {
			t.Errorf("an event that killed five processes: %v, %d calls; want it left alone", err, calls.Load())
		}
		if o := r.outcome(t, "/test", "3"); o.Status != event.StatusDeadLettered || o.Attempts != 5 ||
			o.Reason != diedReason {
			t.Errorf("its outcome is %+v, want dead-lettered after 5 attempts", o)
		}
	})
}
