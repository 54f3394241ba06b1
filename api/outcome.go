package api

import (
	"fmt"
	"net/url"
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
	identity := event.Identity{ID: id, Source: strings.Clone(c.Query("source", DefaultSource))}
	outcome, known, err := s.outcomes.Outcome(c.UserContext(), identity)
	if err != nil {
		p := newProblem(storeUnavailable, storeUnavailable.Detail)
		p.cause = err
		return p
	}
	if !known {
		return newProblem(notKnown, fmt.Sprintf("no outcome is known of the event with id %q and source %q: it is not processed yet, or there is none; ask again, or give its source with ?source=", identity.ID, identity.Source))
	}
	c.Set(fiber.HeaderCacheControl, "no-store") // a dead letter may be replayed
	answer := outcomeAnswer{
		ID: id, Source: identity.Source, Type: outcome.Type, Status: outcome.Status, Attempts: outcome.Attempts,
		CompletedAt: outcome.At.UTC(), Topic: outcome.Topic, Partition: outcome.Partition, Offset: outcome.Offset,
		Replays: outcome.Hops, Reason: outcome.Reason,
	}
	if l := outcome.Letter; l.Topic != "" { // outcomes of earlier versions have none
		answer.DeadLetter = &placeAnswer{Topic: l.Topic, Partition: l.Partition, Offset: l.Offset}
	}
	return send(c, fiber.StatusOK, "event", answer)
}
