package event

import (
	"strings"
	"time"
)

// Status is what became of an event.
type Status string

// An event that Kafka has and the processor has not finished has no Outcome yet.
const (
	StatusProcessed    Status = "processed"     // it took effect
	StatusDeadLettered Status = "dead-lettered" // it could not, and lies in the dead letter topic

	// StatusUnfinished gives a claim back without an end: an attempt failed, and Kafka will deliver the event again.
	// No store shows such an Outcome.
	StatusUnfinished Status = ""
)

// Outcome is what the processor remembers of an event that it is done with.
type Outcome struct {
	Identity  Identity
	Type      string
	Status    Status
	Attempts  int       // how often the handler was called, 0 for a record that is no event
	Hops      int       // how often the event had been dead-lettered and replayed before; above 0 it is a replay's outcome
	At        time.Time // when the processor was done with it
	Topic     string    // where Kafka had it
	Partition int32
	Offset    int64
	Reason    string // of a dead letter: the last error
	Letter    Place  // of a dead letter: where it was put; zero where that was not kept
}

// Place is where a record lies.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// maxText is how many bytes of a text from outside are kept beside an event: an error, in its outcome and its dead letter,
// or its type. A dead letter must fit into its topic although its record was at the limit of its own: under 2 KiB more with
// all headers. An outcome stays far below DynamoDB's 400 KB, and costs one write unit where texts are short, as they are.
const maxText = 1024

// Shorten returns s as valid UTF-8 of at most maxText bytes, 1,024.
func Shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") // drops the character that was cut
}

// ClaimState is a store's answer to a claim.
type ClaimState int

const (
	// ClaimGranted says that the work is the caller's until the lease ends; or, of a finished claim, the outcome was written.
	ClaimGranted ClaimState = iota + 1
	// ClaimDone says that the event has its outcome already, and nothing is left to do with this record.
	ClaimDone
	// ClaimHeld says that another consumer works on the event until its lease ends.
	ClaimHeld
)

// Claim is the right to work on an event, which one consumer has at a time. The caller fills in the upper part, a store
// the lower.
type Claim struct {
	Identity Identity
	Hops     int           // dlq-hops of the record: a replayed dead letter is claimed anew, a redelivered one is done
	Owner    string        // unguessable; who begins with the same Owner again goes on with the lease. "": finishes at once
	Lease    time.Duration // how long nobody else may begin

	State   ClaimState
	Version int64     // the store's own: which version of its entry the claim made
	Attempt int       // the how-manieth time that work on this record begins, over all deliveries and processes
	Began   time.Time // when work on this record began for the first time, by the clock of whoever began it
	Until   time.Time // end of the lease, of whoever has it
	Reason  string    // why the attempt before failed, if that is known; the owner says it when it begins again
}
