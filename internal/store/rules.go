// Package store remembers what was processed, so that an event takes effect once however often Kafka delivers it.
//
// The rules are pure functions over one entry per event, so that every store has the same. A store adds where the entry
// lies and how a change of it is made atomic.
package store

import (
	"time"

	"event-processing-service/internal/event"
)

// DefaultRetention is how long an event is remembered. It must exceed the time that Kafka keeps a record (7 days unless
// the topic says otherwise) and the time that a dead letter waits for its replay; a copy that comes later is a new event.
const DefaultRetention = 30 * 24 * time.Hour

// entry is what a store knows of one event: its outcome, once there is one, and the work on it. Both, because while a
// replayed dead letter is worked on, its outcome still stands.
type entry struct {
	outcome event.Outcome // Status is StatusUnfinished: none yet
	work    work
	version int64 // grows by one with every change, so that no change is made to another entry than was looked at
	expires time.Time
}

type work struct {
	owner    string    // of the last claim
	hops     int       // of the record that is or was worked on
	attempts int       // how often work on that record began
	began    time.Time // when the first of them did
	until    time.Time // end of the lease; zero: nobody holds it
	reason   string    // why the last attempt failed
}

// rule decides what a call does to the entry (nil: there is none). It returns the claim as it stands then, and the entry
// to write, or nil to leave it. The entry that it is given is not changed.
type rule func(old *entry) (event.Claim, *entry)

// gate decides whether c may touch the entry.
func gate(old *entry, c event.Claim, now time.Time) event.ClaimState {
	switch {
	case old == nil:
		return event.ClaimGranted
	case old.outcome.Status == event.StatusProcessed:
		return event.ClaimDone
	case old.outcome.Status == event.StatusDeadLettered && c.Hops <= old.outcome.Hops:
		return event.ClaimDone // a redelivery of the record that is in the dead letter topic, not a replay of it
	case c.Hops < old.work.hops:
		return event.ClaimDone // the event lives on in its replay
	case now.Before(old.work.until) && !old.isOf(c):
		return event.ClaimHeld
	}
	return event.ClaimGranted
}

func (e *entry) isOf(c event.Claim) bool { return c.Owner != "" && e.work.owner == c.Owner }

// begin counts an attempt before it is made: an event that ends its process has used it up all the same.
func begin(c event.Claim, now time.Time, retention time.Duration) rule {
	return func(old *entry) (event.Claim, *entry) {
		next := successor(old, now, retention)
		old = living(old, now)
		c := c
		c.State = gate(old, c, now)
		if c.State != event.ClaimGranted {
			c.Until = old.work.until
			return c, nil
		}
		next.work = work{owner: c.Owner, hops: c.Hops, attempts: 1, began: now, until: now.Add(c.Lease)}
		if old != nil {
			next.outcome = old.outcome
			if old.work.hops == c.Hops {
				next.work.attempts, next.work.reason = old.work.attempts+1, old.work.reason
				if !old.work.began.IsZero() { // as in an entry of a version that did not keep it
					next.work.began = old.work.began
				}
			}
			if old.isOf(c) && c.Reason != "" {
				next.work.reason = event.Shorten(c.Reason)
			}
			if old.isOf(c) && old.version != c.Version {
				next = old // this very call wrote it: its answer was lost, and the client library asked again
			}
		}
		c.Version, c.Attempt, c.Began, c.Until, c.Reason = next.version, next.work.attempts, next.work.began, next.work.until, next.work.reason
		if next == old {
			return c, nil
		}
		return c, next
	}
}

// finish writes the outcome. A claim that was never granted may be finished too, if nobody holds the event: that is begin
// and finish in one write.
func finish(c event.Claim, o event.Outcome, now time.Time, retention time.Duration) rule {
	return func(old *entry) (event.Claim, *entry) {
		next := successor(old, now, retention)
		old = living(old, now)
		c := c
		c.State = gate(old, c, now)
		mine := old != nil && old.isOf(c)
		switch {
		case c.State == event.ClaimDone && mine:
			c.State = event.ClaimGranted // this very call wrote it, as above
			return c, nil
		case c.State != event.ClaimGranted:
			c.Until = old.work.until
			return c, nil
		}
		next.outcome = o
		next.outcome.Type, next.outcome.Reason = event.Shorten(o.Type), event.Shorten(o.Reason)
		next.work = work{owner: c.Owner, hops: c.Hops, attempts: o.Attempts}
		if o.Status == event.StatusUnfinished {
			if !mine {
				return c, nil // nothing to give back: the lease ended, and somebody else has begun since
			}
			next.outcome = old.outcome
			next.work.owner, next.work.began, next.work.reason = "", old.work.began, event.Shorten(o.Reason)
		}
		return c, next
	}
}

// successor returns the empty entry that follows old. Its version goes on from an expired one, which may still lie in the
// table when the new one is written.
func successor(old *entry, now time.Time, retention time.Duration) *entry {
	next := &entry{version: 1, expires: now.Add(retention)}
	if old != nil {
		next.version = old.version + 1
	}
	return next
}

// living returns the entry unless its time is over: DynamoDB removes expired items up to two days late.
func living(old *entry, now time.Time) *entry {
	if old != nil && !now.Before(old.expires) {
		return nil
	}
	return old
}
