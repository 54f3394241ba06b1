package event

import "time"

// Status is what became of an event.
type Status string

// An event that Kafka has and the processor has not finished has no Outcome yet.
const (
	StatusProcessed    Status = "processed"     // it took effect
	StatusDeadLettered Status = "dead-lettered" // it could not, and lies in the dead letter topic
)

// Outcome is what the processor remembers of an event that it is done with.
type Outcome struct {
	Identity Identity
	Type     string
	Client   string // whose key the event was posted with; "": it came without one
	Status   Status
	Attempts int // how often the handler was called, 0 for a record that is not an event
	// how often the event had been dead-lettered and replayed before; above 0 it is a replay's outcome
	Hops       int
	At         time.Time // when the processor was done with it
	Place                // where Kafka had it
	Reason     string    // of a dead letter: the last error; of what is processed: ReasonForgotten, or ""
	Incomplete bool      // of a dead letter: it lacks what was too large for its topic. A store forgets it
	Letter     Place     // of a dead letter: where it was put; zero where that was not kept
}
