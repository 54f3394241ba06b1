package event

import "time"

// Status is what became of an event.
type Status string

// An event that is in Kafka and not finished has no Outcome yet.
const (
	StatusProcessed    Status = "processed"     // it took effect
	StatusDeadLettered Status = "dead-lettered" // it could not, and lies in the dead letter topic
)

// Outcome is what the processor remembers of a finished event.
type Outcome struct {
	Identity Identity
	Type     string
	Client   string // name of the client whose key the event was posted with; "": none
	Status   Status
	Attempts int // how often the handler was called, 0 for a record that is not an event
	// how often the event was dead-lettered and replayed before
	Hops       int
	At         time.Time // when the processor finished it
	Place                // of its record
	Reason     string    // of a dead letter: the last error; of a processed event: ReasonForgotten, or ""
	Incomplete bool      // the dead letter lacks what was too large for its topic. No store keeps this
	Letter     Place     // place of the dead letter; zero where that was not kept
}
