package api

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
)

// countRejections tells Config.Rejected about events that are refused before they were to be published. What Kafka
// refuses is counted where it is published.
func (s *Server) countRejections(c *fiber.Ctx) error {
	err := c.Next()
	if err != nil {
		s.rejected(err)
	}
	return err
}

func (s *Server) rejected(err error) {
	if s.cfg.Rejected == nil {
		return
	}
	if reason := rejection(err); reason != "" {
		s.cfg.Rejected(reason)
	}
}

// rejection is the word for an error that was met before publishing, one of few, or "".
func rejection(err error) string {
	var (
		publish *event.PublishError
		syntax  *event.SyntaxError
		invalid *event.InvalidError
		p       *problem
	)
	switch {
	case errors.As(err, &publish):
		return ""
	case errors.As(err, &syntax):
		return "malformed"
	case errors.As(err, &invalid):
		return "invalid"
	case errors.Is(err, event.ErrUnsupportedMedia):
		return "unsupported-media"
	case errors.As(err, &p) && p.Results != nil: // a batch whose events were counted one by one
		return ""
	case errors.As(err, &p):
		return p.kind.Name
	}
	return "error"
}
