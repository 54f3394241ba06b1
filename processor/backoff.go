package processor

import (
	"context"
	"log/slog"
	"time"
)

// hiccup is the part of Config.BackoffBase that an event waits for if the failure seems to be its own.
const hiccup = 20

// backOff waits before the next attempt, while others work, and tells whether there is time for it.
//
// The first pause is short, because most failures pass at once. The length of later pauses depends on whether the
// handler succeeds with other events meanwhile. If it does, the failure is this event's own, and a long pause would
// only delay its partition. If it does not, a system that the handler needs may be away, and the pauses are as long as
// an outage: otherwise every event of that time would become a dead letter.
func (j *job) backOff(ctx context.Context) bool {
	failures := j.attempts()
	base, limit := j.handler.backoffOr(j.cfg.BackoffBase, j.cfg.BackoffCap)
	short := j.jitter(doubled(max(1, base/hiccup), max(1, limit/hiccup), failures))
	if failures == 1 {
		j.logStep(ctx, "next attempt waits", slog.Float64("next_in_ms", milliseconds(short)))
		return j.rest(ctx, short)
	}
	long := j.jitter(doubled(base, limit, failures))
	if !fits(ctx, long) {
		return false
	}
	j.logStep(ctx, "next attempt waits", slog.Float64("next_in_ms", milliseconds(long))) // at most
	j.lend()
	defer j.takeSlot()
	successes := j.handler.successes.Load()
	for waited := time.Duration(0); waited < long; waited += short {
		if waited > 0 && j.handler.successes.Load() != successes {
			return true
		}
		if !pause(ctx, min(short, long-waited)) {
			return false
		}
	}
	return true
}

// doubled returns base, doubled for each failure after the first, up to limit.
func doubled(base, limit time.Duration, failures int) time.Duration {
	for range failures - 1 {
		if base >= limit/2 {
			return limit
		}
		base *= 2
	}
	return min(base, limit)
}
