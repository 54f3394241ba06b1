package limit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Fallback asks shared, and where that fails, own: a limit that holds for each process alone is better than requests
// that fail because the limit can't be known.
type Fallback struct {
	shared, own Limiter
	log         *slog.Logger
	retryAt     atomic.Int64 // Unix nanoseconds; 0: shared is well
	alone       atomic.Uint64
}

// pause is how long a store that failed is left alone, so that not every request waits for its time-out.
const pause = time.Second

// NewFallback limits by shared with own to fall back to.
func NewFallback(shared, own Limiter, log *slog.Logger) *Fallback {
	return &Fallback{shared: shared, own: own, log: log}
}

// Alone is how many decisions this process made by itself.
func (f *Fallback) Alone() uint64 { return f.alone.Load() }

func (f *Fallback) takeAlone(ctx context.Context, client string, r Rate, n int) (Decision, error) {
	f.alone.Add(1)
	return f.own.Take(ctx, client, r, n)
}

// Take fails only if own does.
func (f *Fallback) Take(ctx context.Context, client string, r Rate, n int) (Decision, error) {
	retryAt := f.retryAt.Load()
	now := time.Now().UnixNano()
	if retryAt > now {
		return f.takeAlone(ctx, client, r, n)
	}
	// One request tries a store that was down; the others go on without it until it is known to be back.
	if retryAt != 0 && !f.retryAt.CompareAndSwap(retryAt, now+int64(pause)) {
		return f.takeAlone(ctx, client, r, n)
	}
	d, err := f.shared.Take(ctx, client, r, n)
	if err != nil {
		if f.retryAt.Swap(now+int64(pause)) == 0 {
			f.log.WarnContext(ctx, "the rate limits' store is down; each process limits by itself", "error", err)
		}
		return f.takeAlone(ctx, client, r, n)
	}
	if retryAt != 0 && f.retryAt.Swap(0) != 0 {
		f.log.InfoContext(ctx, "the rate limits' store is back; limits are shared again")
	}
	return d, nil
}
