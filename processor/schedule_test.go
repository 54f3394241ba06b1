package processor

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/telemetry"
)

func TestStoringAnOutcomeHasTheMarginAndEndsBeforeTheAnswer(t *testing.T) {
	const margin = 1600 * time.Millisecond
	now := time.Now()
	if end := newSchedule(t.Context(), now, margin).closingEnd(now); end.Sub(now) != margin {
		t.Errorf("without a deadline there are %s, want the margin", end.Sub(now))
	}
	ctx, cancel := context.WithDeadline(t.Context(), now.Add(10*time.Second))
	defer cancel()
	s := newSchedule(ctx, now, margin)
	for after, want := range map[time.Duration]time.Duration{0: margin, 8 * time.Second: margin,
		9 * time.Second: 800 * time.Millisecond} {
		if got := s.closingEnd(now.Add(after)).Sub(now.Add(after)); got != want {
			t.Errorf("an attempt that ended after %s may be written down for %s, want %s", after, got, want)
		}
	}
}

func TestStoringAnOutcomeContinuesUnderItsRequestIDAfterTheWorkIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crew{schedule: newSchedule(invocation(t, time.Second), time.Now(), 800*time.Millisecond)}
		var cancelAnswer context.CancelFunc
		c.end, cancelAnswer = c.answer()
		defer cancelAnswer()
		work, cancel := context.WithCancel(telemetry.WithRequestID(t.Context(), "req-1"))
		closing, other := c.closing(work), c.closing(telemetry.WithRequestID(t.Context(), "req-2"))
		goroutines := runtime.NumGoroutine()
		call, cancelCall := context.WithTimeout(closing, time.Hour) // a store bounds its calls like this
		defer cancelCall()
		if n := runtime.NumGoroutine() - goroutines; n > 0 {
			t.Errorf("a store's context takes %d goroutines to end in time, want none", n)
		}
		cancel()
		synctest.Wait()
		if closing.Err() != nil || telemetry.RequestID(call) != "req-1" || telemetry.RequestID(other) != "req-2" {
			t.Errorf("error %v, request ids %q and %q; want none, req-1 and req-2", call.Err(), telemetry.RequestID(call),
				telemetry.RequestID(other))
		}
		time.Sleep(950 * time.Millisecond)
		synctest.Wait()
		if call.Err() != context.DeadlineExceeded {
			t.Errorf("when the answer is due the error is %v, want that of a deadline", call.Err())
		}
	})
}
