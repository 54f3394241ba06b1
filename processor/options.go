package processor

import (
	"fmt"
	"sync/atomic"
	"time"
)

// registration is a handler with its options.
type registration struct {
	Handler
	timeout   time.Duration // 0: Config.AttemptTimeout
	attempts  int           // 0: Config.MaxAttempts
	base, cap time.Duration // 0: Config.BackoffBase and Config.BackoffCap
	limit     chan struct{} // one place for each event that may be handled at the same time; nil: no limit of its own
	unordered bool
	upcasts   []upcast

	successes atomic.Int64 // with all its events
}

func (r *registration) timeoutOr(byDefault time.Duration) time.Duration {
	if r.timeout > 0 {
		return r.timeout
	}
	return byDefault
}

func (r *registration) attemptsOr(byDefault int) int {
	if r.attempts > 0 {
		return r.attempts
	}
	return byDefault
}

func (r *registration) backoffOr(base, limit time.Duration) (time.Duration, time.Duration) {
	if r.base > 0 {
		return r.base, r.cap
	}
	return base, limit
}

// Option changes how one handler is called, compared with the configuration. An option that makes no sense panics.
type Option func(*registration)

// Timeout bounds one call of the handler, instead of Config.AttemptTimeout.
func Timeout(d time.Duration) Option {
	require(d > 0, "timeout must be above 0, not %s", d)
	return func(r *registration) { r.timeout = d }
}

// Attempts is how often the handler is called for one event, instead of Config.MaxAttempts.
func Attempts(n int) Option {
	require(n >= 1 && n <= 1000, "attempts must be 1 to 1000, not %d", n)
	return func(r *registration) { r.attempts = n }
}

// Backoff sets the pauses between the handler's attempts, instead of Config.BackoffBase and Config.BackoffCap.
func Backoff(base, limit time.Duration) Option {
	require(base > 0 && limit >= base,
		"backoff must have a base above 0 and a limit of at least the base, not %s and %s", base, limit)
	return func(r *registration) { r.base, r.cap = base, limit }
}

// Concurrency bounds how many events the handler is called for at once in this process, below Config.Concurrency: for
// example, as many as another system can take.
func Concurrency(n int) Option {
	require(n >= 1, "concurrency must be above 0, not %d", n)
	return func(r *registration) { r.limit = make(chan struct{}, n) }
}

// Unordered lets the handler's events overtake others with the same key, and be overtaken by them. It applies to
// events in binary mode, as the API writes them; structured events keep their order.
func Unordered() Option { return func(r *registration) { r.unordered = true } }

func require(ok bool, format string, args ...any) {
	if !ok {
		panic("processor: " + fmt.Sprintf(format, args...))
	}
}
