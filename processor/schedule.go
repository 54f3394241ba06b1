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

// patience is how long a handler has to return after its context has ended.
func (s schedule) patience() time.Duration { return s.margin / 2 }

// closing returns the context for writing down how an attempt ended, which goes on when ctx has ended, be it for lack of
// time or because the process shuts down.
func (s schedule) closing(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(s.margin)
	if s.bounded && s.answerBy.Before(end) {
		end = s.answerBy
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
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
