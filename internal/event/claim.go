package event

import (
	"errors"
	"time"
)

// Claim is what one consumer asks a store: to work on an event, and to go on with that work.
type Claim struct {
	Identity Identity
	Type     string        // of the event, for metrics alone
	Hops     int           // dlq-hops of the record: a replayed dead letter is claimed anew, a redelivered one is done
	Owner    string        // unguessable; whoever asks with the same Owner goes on with the same lease
	Lease    time.Duration // how long nobody else may begin
	Reason   string        // why the attempt before failed
	Last     Reply         // the last Reply that granted the claim; zero: it was never granted
	Company  *Company      // who asks side by side with it; nil: nobody
}

// Reply is what a store says to a Claim.
type Reply struct {
	Answer  Answer
	Until   time.Time // end of the lease: the caller's if it is Granted, another's if it is Held
	Version int64     // the store's own: which version of its entry it wrote
	Attempt int       // which attempt at this record begins, counted over all deliveries and processes
	Began   time.Time // when work on this record first began, by the clock of whoever began it
	Reason  string    // why the attempt before failed, if that is known
}

// Answer is what became of a Claim or of an Outcome.
type Answer int

// The answers of a store.
const (
	Granted Answer = iota + 1 // the work is the caller's until the lease ends
	Written                   // the outcome is kept
	Done                      // the event has its outcome already, and nothing is left to do with this record
	Held                      // another consumer works on the event until its lease ends
)

// ErrUnreadable says that a store has something under the event's identity that it can't read, however often it is
// asked. Whether the event took effect is unknown.
var ErrUnreadable = errors.New("the store's item is not one that this program writes")
