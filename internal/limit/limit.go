// Package limit says how much each client may still do. It holds the generic cell rate algorithm: of each client one
// time is kept, when its use will be paid off, so that a client costs a few bytes and no timer, bursts up to the whole
// limit are fine, and what was used comes back evenly.
package limit

import (
	"context"
	"time"
)

// Rate is so many units in each span of time.
type Rate struct {
	Units int
	Per   time.Duration
}

// interval is how long one unit takes to come back.
func (r Rate) interval() time.Duration { return max(r.Per/time.Duration(r.Units), 1) }

// Decision is the answer to one question.
type Decision struct {
	Allowed   bool
	Remaining int           // units that could be taken at once now
	Wait      time.Duration // until as many units are there as were asked for; 0 if they were
	Reset     time.Duration // until all units are there again
}

// Limiter is asked before each unit of work of a client, whose rate is r. Take takes all n units or none; n is at most
// r.Units.
type Limiter interface {
	Take(ctx context.Context, client string, r Rate, n int) (Decision, error)
}

// decide is the algorithm. due is when the client's use so far is paid off; next is the same after this decision. Times
// are since any one moment.
func decide(r Rate, due, now time.Duration, n int) (next time.Duration, d Decision) {
	interval := r.interval()
	capacity := interval * time.Duration(r.Units)
	used := min(max(due-now, 0), capacity) // what lies beyond was written by a clock that has been put back
	after := used + interval*time.Duration(n)
	if after > capacity {
		return due, Decision{Remaining: int((capacity - used) / interval), Wait: after - capacity, Reset: used}
	}
	return now + after, Decision{Allowed: true, Remaining: int((capacity - after) / interval), Reset: after}
}
