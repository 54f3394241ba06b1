package processor

import (
	"context"
	"time"
)

// schedule divides the time of an invocation, backwards from its end:
//
//	… attempts … | handlers may notice the end | dead letters, store | answer |
//	             stop                                                answerBy end
//
// Without a deadline, attempts may go on for ever, and what comes after them gets the margin each time.
type schedule struct {
	bounded  bool
	stop     time.Time
	answerBy time.Time
	margin   time.Duration
}

func newSchedule(ctx context.Context, now time.Time, margin time.Duration) schedule {
	end, bounded := ctx.Deadline()
	if bounded {
		margin = min(margin, end.Sub(now)/2)
	}
	return schedule{bounded: bounded, stop: end.Add(-margin), answerBy: end.Add(-margin / 8), margin: margin}
}

// work returns the context of all attempts.
func (s schedule) work(ctx context.Context) (context.Context, context.CancelFunc) {
	if !s.bounded {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, s.stop)
}

// answer returns a context that ends when the answer is due. It continues after the work's context has ended, for lack
// of time or by a shutdown.
func (s schedule) answer() (context.Context, context.CancelFunc) {
	if !s.bounded {
		return context.WithCancel(context.Background())
	}
	return context.WithDeadline(context.Background(), s.answerBy)
}

// patience is how long a handler has to return after its context has ended.
func (s schedule) patience() time.Duration { return s.margin / 2 }

// closingEnd is how long the outcome of an attempt that ends now may be stored.
func (s schedule) closingEnd(now time.Time) time.Time {
	end := now.Add(s.margin)
	if s.bounded && s.answerBy.Before(end) {
		end = s.answerBy
	}
	return end
}

// closing is the context for storing the outcome of an attempt: it has the values of ctx, and lasts until the answer
// is due. All records of an invocation share one context with a timer; one for each would take five more allocations.
func (c *crew) closing(ctx context.Context) context.Context {
	return closingContext{Context: c.end, values: ctx}
}

// closingContext ends with one context and has the values of another.
type closingContext struct {
	context.Context
	values context.Context
}

func (c closingContext) Value(key any) any {
	// The context that ends must find itself, because contexts derived from it look it up; all other values are the
	// other's.
	if value := c.Context.Value(key); value != nil {
		return value
	}
	return c.values.Value(key)
}

// fits tells whether ctx lasts longer than d.
func fits(ctx context.Context, d time.Duration) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Now().Add(d).Before(end))
}

// pause waits for d, and tells whether ctx then still allows something to begin. If not, it does not wait.
func pause(ctx context.Context, d time.Duration) bool {
	if !fits(ctx, d) {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryBase is the first pause after a failure of the store or of the dead letter topic: 0.1 s of a margin of 5 s, so
// that the rest of the time allows several attempts. If they all fail, Kafka delivers again.
func (c Config) retryBase() time.Duration { return max(1, c.Margin/50) }

// retryAfter returns the pause after n failures.
func (p *Processor) retryAfter(failures int) time.Duration {
	return p.jitter(doubled(p.cfg.retryBase(), p.cfg.Margin, failures))
}
