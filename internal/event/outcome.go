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
	Identity  Identity
	Type      string
	Status    Status
	Attempts  int       // how often the handler was called, 0 for a record that is no event
	At        time.Time // when the processor was done with it
	Topic     string    // where Kafka had it
	Partition int32
	Offset    int64
	Reason    string // of a dead letter: the last error
}
