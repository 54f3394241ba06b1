package console

import (
	"slices"
	"time"

	"event-processing-service/internal/event"
)

// Who tells of a step of an event's life.
const (
	fromLog   = "log" // of the programs, while this console has it in its memory
	fromKafka = "Kafka"
	fromStore = "store"
)

// lifeStep is one line of an event's life.
type lifeStep struct {
	Step
	From string `json:"from"`
}

// life is what happened to an event, in the order of time, as far as the parts tell of it: the log each step, Kafka
// that it has the record, the store the end. What two of them tell is one line.
func (c *Console) life(record *event.Record, steps []Step, outcome *outcomeLine) []lifeStep {
	life := make([]lifeStep, 0, len(steps)+2)
	for _, s := range steps {
		life = append(life, lifeStep{s, fromLog})
	}
	stored := lifeStep{Step{At: record.Timestamp, State: c.stateOf(record), Place: PlaceOf(record.Place)}, fromKafka}
	isTold := func(s lifeStep) bool {
		isThere := s.Place != nil && *s.Place == *stored.Place
		return s.State == stored.State && (isThere || s.State != Accepted) // a letter's and a replay's lie elsewhere
	}
	if !slices.ContainsFunc(life, isTold) {
		life = append(life, stored)
	}
	if outcome != nil {
		end := lifeStep{Step{
			At: outcome.At, State: State(outcome.Status), Attempt: outcome.Attempts, Error: clip(outcome.Reason, maxError),
		}, fromStore}
		isTold := func(s lifeStep) bool {
			return s.State == end.State && s.At.Sub(end.At).Abs() < time.Second
		}
		if !slices.ContainsFunc(life, isTold) {
			life = append(life, end)
		}
	}
	slices.SortStableFunc(life, func(a, b lifeStep) int { return a.At.Compare(b.At) })
	return life
}

func (c *Console) stateOf(record *event.Record) State {
	switch {
	case record.Topic == c.cfg.DeadLetters:
		return DeadLettered
	case c.parts.IsReplay(record):
		return Replayed
	}
	return Accepted
}

// auditLine is a line for a shell that asks the archive, which remembers for longer. There is none for an identity with
// characters that nobody sees: written in another way it would be another event's.
func auditLine(e *event.Event) string {
	if e.ID == "" || plain(e.ID) != e.ID || plain(e.Source) != e.Source {
		return ""
	}
	return "go run ./cmd/eventctl audit --source=" + shellQuote(e.Source) + " -- " + shellQuote(e.ID)
}
