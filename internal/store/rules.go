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
// the topic says otherwise) and the time that a dead letter waits for its replay; a copy that comes later is a new
// event.
const DefaultRetention = 30 * 24 * time.Hour

// entry is what a store knows of one event: its outcome, once there is one, and the work on it. Both, because while a
// replayed dead letter is worked on, its outcome still stands.
type entry struct {
	outcome event.Outcome // Status "": none yet
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

// rule decides what a call does to the entry (nil: there is none). It returns the reply, and the entry to write, or nil
// to leave it. The entry that it is given is not changed.
type rule func(old *entry) (event.Reply, *entry)

// gate decides whether c may touch the entry.
func gate(old *entry, c event.Claim, now time.Time) event.Answer {
	switch {
	case old == nil:
		return event.Granted
	case old.outcome.Status == event.StatusProcessed:
		return event.Done
	case old.outcome.Status == event.StatusDeadLettered && c.Hops <= old.outcome.Hops:
		return event.Done // a redelivery of the record that is in the dead letter topic, not a replay of it
	case c.Hops < old.work.hops:
		return event.Done // the event lives on in its replay
	case now.Before(old.work.until) && !old.isOf(c):
		return event.Held
	}
	return event.Granted
}

// isOf tells whether c is the claim that was granted last.
func (e *entry) isOf(c event.Claim) bool { return e != nil && c.Owner != "" && e.work.owner == c.Owner }

// refuse is the reply to a claim that may not touch the entry.
func refuse(old *entry, a event.Answer) event.Reply {
	return event.Reply{Answer: a, Until: old.work.until}
}

func grant(e *entry) event.Reply {
	w := e.work
	return event.Reply{
		Answer: event.Granted, Until: w.until, Version: e.version, Attempt: w.attempts, Began: w.began, Reason: w.reason,
	}
}

// begin counts an attempt before it is made: an event that ends its process has used it up all the same.
func begin(c event.Claim, now time.Time, retention time.Duration) rule {
	return func(old *entry) (event.Reply, *entry) {
		next := successor(old, now, retention)
		old = living(old, now)
		if a := gate(old, c, now); a != event.Granted {
			return refuse(old, a), nil
		}
		if old.isOf(c) && (c.Last.Version == 0 || old.work.attempts != c.Last.Attempt) {
			// This very call wrote it: its answer was lost. It is made again, at once by the client library, or later.
			if old.work.until.Sub(now) >= c.Lease/2 {
				return grant(old), nil
			}
			next.outcome, next.work = old.outcome, old.work
			next.work.until = now.Add(c.Lease) // the owner counts on a whole lease from now on
			return grant(next), next
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
		}
		return grant(next), next
	}
}

// renew moves the end of a lease that its owner still has.
func renew(c event.Claim, now time.Time, retention time.Duration) rule {
	return func(old *entry) (event.Reply, *entry) {
		next := successor(old, now, retention)
		old = living(old, now)
		switch a := gate(old, c, now); {
		case a != event.Granted:
			return refuse(old, a), nil
		case !old.isOf(c):
			return event.Reply{Answer: event.Held}, nil // the lease ended, and another consumer has begun since
		}
		next.outcome, next.work = old.outcome, old.work
		next.work.until = now.Add(c.Lease)
		return grant(next), next
	}
}

// finish writes the outcome. A claim that was never granted may be finished too, if nobody holds the event: that is
// begin and finish in one write.
func finish(c event.Claim, o event.Outcome, now time.Time, retention time.Duration) rule {
	return func(old *entry) (event.Reply, *entry) {
		next := successor(old, now, retention)
		old = living(old, now)
		switch a := gate(old, c, now); {
		case a == event.Done && old.isOf(c):
			return event.Reply{Answer: event.Written}, nil // this very call wrote it, as above
		case a != event.Granted:
			return refuse(old, a), nil
		}
		next.outcome = o
		next.outcome.Type, next.outcome.Reason = event.Shorten(o.Type), event.Shorten(o.Reason)
		next.work = work{owner: c.Owner, hops: c.Hops, attempts: o.Attempts}
		return event.Reply{Answer: event.Written}, next
	}
}

// release ends a lease without an outcome. attempts is what is counted of the work so far. A lease that is another's by
// now is left as it is. If the claim's last begin was written and its answer lost, no attempt followed it, and others
// may have made some since the one that the claim knows of: then all are counted but that last one.
func release(c event.Claim, attempts int, reason string, now time.Time, retention time.Duration) rule {
	return func(old *entry) (event.Reply, *entry) {
		next := successor(old, now, retention)
		old = living(old, now)
		if a := gate(old, c, now); a != event.Granted {
			return refuse(old, a), nil
		}
		if !old.isOf(c) {
			return event.Reply{Answer: event.Done}, nil
		}
		counted := attempts
		if old.work.attempts != c.Last.Attempt {
			counted = old.work.attempts - 1
		}
		next.outcome = old.outcome
		next.work = work{hops: c.Hops, attempts: counted, began: old.work.began, reason: event.Shorten(reason)}
		return event.Reply{Answer: event.Written}, next
	}
}

// successor returns the empty entry that follows old. Its version goes on from an expired one, which may still lie in
// the table when the new one is written.
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
