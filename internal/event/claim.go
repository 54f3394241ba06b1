package event

import (
	"errors"
	"time"
)

// Claim is what a consumer asks a store for: to begin work on an event, or to continue it.
type Claim struct {
	Identity Identity
	Type     string        // of the event, for metrics alone
	Hops     int           // dlq-hops of the record: a replayed dead letter is claimed anew, a redelivered one is done
	Owner    string        // unguessable; a claim with the same Owner continues the same lease
	Lease    time.Duration // how long no other consumer may begin
	Reason   string        // why the previous attempt failed
	Last     Reply         // the last Reply that granted the claim; zero: it was never granted
	Company  *Company      // the callers that ask at the same time; nil: this one is alone
}

// Reply is a store's answer to a Claim.
type Reply struct {
	Answer  Answer
	Until   time.Time // end of the lease: the caller's if it is Granted, another's if it is Held
	Version int64     // version of the store's entry that this call wrote
	Attempt int       // number of the attempt that begins, counted over all deliveries and processes
	Began   time.Time // when the first attempt at this record began, by the clock of the process that made it
	Reason  string    // why the previous attempt failed, if known
}

// Answer is the result of a Claim, or of storing an Outcome.
type Answer int

// The answers.
const (
	Granted Answer = iota + 1 // the work is the caller's until the lease ends
	Written                   // the outcome is kept
	Done                      // the event has an outcome already; nothing is left to do with this record
	Held                      // another consumer works on the event until its lease ends
)

// ErrUnreadable says that the store's item for an event can't be read, and that a retry won't help. Whether the event
// took effect is unknown.
var ErrUnreadable = errors.New("the store's item is not one that this program writes")
