package console

import (
	"strings"
	"time"
	"unicode/utf8"

	"event-processing-service/internal/event"
)

// State is how far an event has come.
type State string

// The states of an event. Those from Processed on are ends, until it is sent or replayed again.
const (
	Accepted     State = "accepted"      // Kafka has it
	Attempting   State = "attempting"    // its handler is at work
	Retrying     State = "retrying"      // an attempt failed, and another one follows
	Unfinished   State = "unfinished"    // given back to Kafka, which delivers it again
	Processed    State = "processed"     // it took effect
	Dropped      State = "copy dropped"  // it had taken effect before
	DeadLettered State = "dead-lettered" // it lies in the dead letter topic
	Refused      State = "refused"       // Kafka does not have it
	Replayed     State = "replayed"      // it was brought back from the dead letters
)

// Step is something that happened to an event.
type Step struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	State   State     `json:"state"`
	Type    string    `json:"type"`
	ID      string    `json:"id"`
	Source  string    `json:"source"`
	Key     string    `json:"key,omitempty"`
	Place   *Place    `json:"place,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	NextMS  float64   `json:"next_ms,omitempty"` // until the next attempt
	Error   string    `json:"error,omitempty"`
	Stack   string    `json:"stack,omitempty"`
	TraceID string    `json:"trace_id,omitempty"`
}

// Place is where a record lies.
type Place struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// PlaceOf is for JSON what p is.
func PlaceOf(p event.Place) *Place { return &Place{p.Topic, p.Partition, p.Offset} }

// What is kept of texts that others chose, in bytes. The event's own page reads the record, which has all of them.
const (
	maxName  = 512
	maxError = 1024
	maxStack = 8 << 10
)

func (s *Step) bound() {
	for _, text := range []*string{&s.Type, &s.ID, &s.Source, &s.Key, &s.TraceID} {
		*text = clip(*text, maxName)
	}
	s.Error, s.Stack = clip(s.Error, maxError), clip(s.Stack, maxStack)
}

// size is about what the step costs in memory.
func (s *Step) size() int {
	return 250 + len(s.Type) + len(s.ID) + len(s.Source) + len(s.Key) + len(s.Error) + len(s.Stack) + len(s.TraceID)
}

// clip returns a copy of s, so that nothing larger is kept alive by it, of at most limit bytes.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return strings.Clone(s)
	}
	cut := limit
	for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// isTrouble tells what a person looks for, and sampling therefore spares.
func (s *Step) isTrouble() bool {
	switch s.State {
	case Retrying, Unfinished, DeadLettered, Refused:
		return true
	}
	return s.Attempt > 1
}

func (s *Step) isEnd() bool {
	switch s.State {
	case Processed, Dropped, DeadLettered, Refused:
		return true
	}
	return false
}
