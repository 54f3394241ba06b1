package processor

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/telemetry"
)

func TestWhatIsWrittenDownHasNearlyTheMarginAndNeverMore(t *testing.T) {
	const margin = 1600 * time.Millisecond
	for name, timeout := range map[string]time.Duration{"unbounded": 0, "bounded": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, answerBy := t.Context(), time.Now().Add(time.Hour)
				if timeout > 0 {
					ctx, answerBy = invocation(t, timeout), time.Now().Add(timeout-margin/8)
				}
				d := &deadlines{schedule: newSchedule(ctx, time.Now(), margin)}
				defer d.close()
				ends := map[time.Time]bool{}
				for range 960 { // until just before the end of the invocation
					end, _ := d.closing(ctx).Deadline()
					latest := time.Now().Add(margin)
					if answerBy.Before(latest) {
						latest = answerBy
					}
					if end.After(latest) || latest.Sub(end) > margin/16 {
						t.Fatalf("an attempt that ended at %s may be written down until %s, want %s or a little less", time.Now(), end, latest)
					}
					ends[end] = true
					time.Sleep(10 * time.Millisecond)
				}
				if len(ends) > 96 {
					t.Errorf("%d different ends in 9.6 s, want one in 100 ms at most", len(ends))
				}
			})
		})
	}
}

func TestWhatIsWrittenDownGoesOnUnderItsRequestIDAfterTheWorkIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deadlines{schedule: newSchedule(t.Context(), time.Now(), time.Second)}
		defer d.close()
		work, cancel := context.WithCancel(telemetry.WithRequestID(t.Context(), "req-1"))
		closing, other := d.closing(work), d.closing(telemetry.WithRequestID(t.Context(), "req-2"))
		goroutines := runtime.NumGoroutine()
		call, cancelCall := context.WithTimeout(closing, time.Hour) // as a store makes it for a call
		defer cancelCall()
		if n := runtime.NumGoroutine() - goroutines; n > 0 {
			t.Errorf("a store's context takes %d goroutines to end in time, want none", n)
		}
		cancel()
		synctest.Wait()
		if closing.Err() != nil || telemetry.RequestID(call) != "req-1" || telemetry.RequestID(other) != "req-2" {
			t.Errorf("error %v, request ids %q and %q; want none, req-1 and req-2", call.Err(), telemetry.RequestID(call), telemetry.RequestID(other))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if call.Err() != context.DeadlineExceeded {
			t.Errorf("after the margin the error is %v, want that of a deadline", call.Err())
		}
	})
}

func TestOwnersAreNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		w := &worker{}
		for range 3 * ownersAtOnce {
			owner := w.owner()
			if seen[owner] || len(owner) != ownerLength {
				t.Fatalf("the owner %q is there twice, or has not %d characters", owner, ownerLength)
			}
			seen[owner] = true
		}
	}
}
