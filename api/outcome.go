package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
)

// outcomeAnswer is what became of an event.
type outcomeAnswer struct {
	ID          string       `json:"id" xml:"id" example:"order-1"`
	Source      string       `json:"source" xml:"source" example:"/orders"`
	Type        string       `json:"type,omitempty" xml:"type,omitempty" example:"order.placed"`
	Status      event.Status `json:"status" xml:"status" enum:"processed,dead-lettered" example:"processed"`
	Attempts    int          `json:"attempts" xml:"attempts" doc:"How often the handler was called" example:"1"`
	CompletedAt time.Time    `json:"completed_at" xml:"completed_at" doc:"When the processor was done with it"`
	Topic       string       `json:"topic" xml:"topic" doc:"Where the event itself lies; of a replayed one, where its last replay lies" example:"events"`
	Partition   int32        `json:"partition" xml:"partition" example:"2"`
	Offset      int64        `json:"offset" xml:"offset" example:"42"`
	Replays     int          `json:"replays,omitempty" xml:"replays,omitempty" doc:"How often it was a dead letter before, and was replayed; absent: never" example:"1"`
	Reason      string       `json:"reason,omitempty" xml:"reason,omitempty" doc:"Of a dead letter: the last error"`
	DeadLetter  *placeAnswer `json:"dead_letter,omitempty" xml:"dead_letter,omitempty" doc:"Of a dead letter: where it was put"`

	Processors []processorAnswer `json:"processors,omitempty" xml:"processors>i,omitempty" nullable:"false" doc:"What became of it in the other processors; absent where there is one. All above is the first processor's, or that of the one that was asked for, or, of an event in a topic that the first does not read, of the first one that was done with it"`
}

// processorAnswer is what became of an event in another processor.
type processorAnswer struct {
	Name        string       `json:"name" xml:"name" example:"audit"`
	Status      event.Status `json:"status,omitempty" xml:"status,omitempty" enum:"processed,dead-lettered" doc:"Absent, with all below, while it is not done" example:"processed"`
	Attempts    int          `json:"attempts,omitempty" xml:"attempts,omitempty" example:"1"`
	CompletedAt *time.Time   `json:"completed_at,omitempty" xml:"completed_at,omitempty"`
	Replays     int          `json:"replays,omitempty" xml:"replays,omitempty" example:"1"`
	Reason      string       `json:"reason,omitempty" xml:"reason,omitempty"`
	DeadLetter  *placeAnswer `json:"dead_letter,omitempty" xml:"dead_letter,omitempty"`
}

// Processor is one that reads the topic beside the first.
type Processor struct {
	Name     string
	Outcomes Outcomes
}

// placeAnswer is where a record lies.
type placeAnswer struct {
	Topic     string `json:"topic" xml:"topic" example:"events.dlq"`
	Partition int32  `json:"partition" xml:"partition" example:"2"`
	Offset    int64  `json:"offset" xml:"offset" example:"7"`
}

// getOutcome answers GET /v1/events/{id}?source=S. The id is all that follows in the path, as ids may contain slashes.
func (s *Server) getOutcome(c *fiber.Ctx) error {
	if s.outcomes == nil {
		return newProblem(noOutcomes, noOutcomes.Detail)
	}
	id, err := url.PathUnescape(strings.Clone(c.Params("+")))
	if err != nil {
		return newProblem(malformed, "the path must end in the event's id, percent-encoded")
	}
	if named := c.Query("event_id"); named != "" { // an id that can't stand in a path
		id = strings.Clone(named)
	}
	identity := event.Identity{ID: id, Source: strings.Clone(c.Query("source", defaultSource(c)))}
	one, others, err := s.processorsAsked(c)
	if err != nil {
		return err
	}
	outcome, known, err := one.Outcome(c.UserContext(), identity)
	if err == nil && !known {
		outcome, others, known, err = s.elsewhere(c, others, identity)
	}
	if err != nil {
		return storeProblem(err)
	}
	if !known || !s.mayRead(c, &outcome, identity.Source) {
		return newProblem(notKnown, fmt.Sprintf("the outcome of the event with id %q and source %q is not known: "+
			"it has not been processed yet, or was never posted; "+
			"ask again, or name its source with ?source=", event.Brief(identity.ID), event.Brief(identity.Source)))
	}
	answer := outcomeAnswer{
		ID: id, Source: identity.Source, Type: outcome.Type, Status: outcome.Status, Attempts: outcome.Attempts,
		CompletedAt: outcome.At.UTC(), Topic: outcome.Topic, Partition: outcome.Partition, Offset: outcome.Offset,
		Replays: outcome.Hops, Reason: outcome.Reason, DeadLetter: letterOf(&outcome),
	}
	if answer.Processors, err = s.askOthers(c, others, identity); err != nil {
		return storeProblem(err)
	}
	c.Set(fiber.HeaderCacheControl, "no-store") // a dead letter may be replayed
	return send(c, fiber.StatusOK, "event", answer)
}

// processorsAsked are the processor that the answer is about and those that it lists: the one that the request names,
// or the first and all others.
func (s *Server) processorsAsked(c *fiber.Ctx) (one Outcomes, others []Processor, err error) {
	name := c.Query("processor")
	if name == "" {
		return s.outcomes, s.cfg.Processors, nil
	}
	for _, p := range s.cfg.Processors {
		if p.Name == name {
			return p.Outcomes, nil, nil
		}
	}
	p := newProblem(invalidParameter, "the processor is not known; see errors")
	p.Errors = []fieldError{{Parameter: "processor",
		Detail: fmt.Sprintf("%q is not one of the processors beside the first, which has no name", event.Brief(name))}}
	return nil, nil, p
}

// elsewhere is the outcome of an event that went to a topic that the first processor does not read: that of the first
// processor that was done with it. The others are left to be listed.
func (s *Server) elsewhere(c *fiber.Ctx, others []Processor, id event.Identity) (
	outcome event.Outcome, rest []Processor, known bool, err error,
) {
	for i, p := range others {
		outcome, known, err = p.Outcomes.Outcome(c.UserContext(), id)
		if err != nil || known && s.cfg.Topic != "" && outcome.Topic != s.cfg.Topic {
			return outcome, slices.Delete(slices.Clone(others), i, i+1), known, err
		}
	}
	return event.Outcome{}, others, false, nil
}

func (s *Server) askOthers(c *fiber.Ctx, others []Processor, id event.Identity) ([]processorAnswer, error) {
	var all []processorAnswer
	for _, p := range others {
		outcome, known, err := p.Outcomes.Outcome(c.UserContext(), id)
		if err != nil {
			return nil, err
		}
		answer := processorAnswer{Name: p.Name}
		if known && s.mayRead(c, &outcome, id.Source) {
			at := outcome.At.UTC()
			answer = processorAnswer{
				Name: p.Name, Status: outcome.Status, Attempts: outcome.Attempts, CompletedAt: &at, Replays: outcome.Hops,
				Reason: outcome.Reason, DeadLetter: letterOf(&outcome),
			}
		}
		all = append(all, answer)
	}
	return all, nil
}

// letterOf is nil for what is no dead letter; outcomes of earlier versions have no place of theirs either.
func letterOf(o *event.Outcome) *placeAnswer {
	if o.Letter.Topic == "" {
		return nil
	}
	return &placeAnswer{Topic: o.Letter.Topic, Partition: o.Letter.Partition, Offset: o.Letter.Offset}
}

func storeProblem(err error) error {
	p := newProblem(storeUnavailable, storeUnavailable.Detail)
	p.cause = err
	return p
}
