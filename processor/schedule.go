package processor

import (
	"context"
	"sync"
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

// patience is how long a handler has to return after its context has ended.
func (s schedule) patience() time.Duration { return s.margin / 2 }

// closingEnd is until when an attempt that ends now may be written down.
func (s schedule) closingEnd(now time.Time) time.Time {
	end := now.Add(s.margin)
	if s.bounded && s.answerBy.Before(end) {
		end = s.answerBy
	}
	return end
}

// deadlines are the schedule of one invocation, and what was made of it. Its workers share them.
type deadlines struct {
	schedule
	mu     sync.Mutex
	latest context.Context // of those that closing returned, the one with the latest end
	end    time.Time       // its end
	cancel []context.CancelFunc
}

// close ends what closing returned.
func (d *deadlines) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, cancel := range d.cancel {
		cancel()
	}
}

// closing returns the context for writing down how an attempt ended, which goes on when ctx has ended, be it for lack of
// time or because the process shuts down.
//
// A context with an end of its own is five allocations and a timer. So those that begin at nearly the same time end at the
// same time: up to a sixteenth of the margin early, never late, as a lease has no more time than that.
func (d *deadlines) closing(ctx context.Context) context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	end := d.closingEnd(time.Now())
	if d.latest == nil || end.Sub(d.end) > d.margin/16 {
		latest, cancel := context.WithDeadline(context.Background(), end)
		d.latest, d.end, d.cancel = latest, end, append(d.cancel, cancel)
	}
	return closingContext{Context: d.latest, values: ctx}
}

// closingContext ends with one context and has the values of another.
type closingContext struct {
	context.Context
	values context.Context
}

func (c closingContext) Value(key any) any {
	// The context that ends knows nothing but itself, which is how the contexts below it find it.
	if value := c.Context.Value(key); value != nil {
		return value
	}
	return c.values.Value(key)
}

// pause waits for d and tells whether ctx lets anything begin after it. If not, it does not wait.
func pause(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ctx.Err() != nil || ok && !time.Now().Add(d).Before(end) {
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

// backoff returns the pause after the how-manieth failure: full jitter up to a bound that doubles each time.
func (p *Processor) backoff(failures int) time.Duration {
	bound := p.cfg.BackoffBase
	for range failures - 1 {
		if bound >= p.cfg.BackoffCap/2 {
			bound = p.cfg.BackoffCap
			break
		}
		bound *= 2
	}
	return p.jitter(bound)
}
