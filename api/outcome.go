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
	ID          string       `json:"id"`
	Source      string       `json:"source"`
	Type        string       `json:"type,omitempty"`
	Status      event.Status `json:"status"`
	Attempts    int          `json:"attempts"`
	CompletedAt time.Time    `json:"completed_at"`
	Topic       string       `json:"topic"`
	Partition   int32        `json:"partition"`
	Offset      int64        `json:"offset"`
	Reason      string       `json:"reason,omitempty"`
}

// getOutcome answers GET /v1/events/{id}?source=S. The id is all that follows in the path, as ids may contain slashes.
func (s *Server) getOutcome(c *fiber.Ctx) error {
	if s.outcomes == nil {
		return newProblem(fiber.StatusNotImplemented, "this deployment keeps no outcomes that the API can read; set STORE=dynamodb for the API and the processor")
	}
	id, err := url.PathUnescape(strings.Clone(c.Params("+")))
	if err != nil {
		return newProblem(fiber.StatusBadRequest, "the path must end in the event's id, percent-encoded")
	}
	identity := event.Identity{ID: id, Source: strings.Clone(c.Query("source", DefaultSource))}
	outcome, known, err := s.outcomes.Outcome(c.UserContext(), identity)
	if err != nil {
		p := newProblem(fiber.StatusServiceUnavailable, "the store of outcomes does not answer; ask again")
		p.Retryable, p.cause = true, err
		return p
	}
	if !known {
		p := newProblem(fiber.StatusNotFound, fmt.Sprintf("no outcome is known of the event with id %q and source %q: it is not processed yet, or there is none; ask again, or give its source with ?source=", identity.ID, identity.Source))
		p.Retryable = true
		return p
	}
	c.Set(fiber.HeaderCacheControl, "no-store") // a dead letter may be replayed
	return c.JSON(outcomeAnswer{
		ID: id, Source: identity.Source, Type: outcome.Type, Status: outcome.Status, Attempts: outcome.Attempts,
		CompletedAt: outcome.At.UTC(), Topic: outcome.Topic, Partition: outcome.Partition, Offset: outcome.Offset, Reason: outcome.Reason,
	})
}
