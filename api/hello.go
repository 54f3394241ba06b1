package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"event-processing-service/internal/event"
)

// currentTimeType is the type of the events that GET /current_time publishes.
const currentTimeType = "current_time.requested"

// maxName bounds the name on /current_time, in bytes: it becomes the record's key.
const maxName = 256

type helloAnswer struct {
	Message string `json:"message" xml:"message" example:"Hello World!"`
}

func (s *Server) hello(c *fiber.Ctx) error {
	return send(c, fiber.StatusOK, "hello", helloAnswer{"Hello World!"})
}

type currentTimeAnswer struct {
	ID        string `json:"id" xml:"id" doc:"Of the event that was published" example:"0b6f5f3e-2f35-4b0e-9a5d-1b9a3a1f6a11"`
	Message   string `json:"message" xml:"message" example:"Hello Ada"`
	Timestamp string `json:"timestamp" xml:"timestamp" format:"date-time" example:"2026-01-31T12:00:00Z"`
}

// currentTimeData is the value that the consumers of current_time.requested know, timestamp in Unix seconds.
type currentTimeData struct {
	ID        string `json:"id"`
	User      string `json:"user"`
	Message   string `json:"message"`
	Timestamp int64  `json:"timestamp"`
}

// currentTime publishes one event and tells the time; the time is told only once the event is stored.
func (s *Server) currentTime(c *fiber.Ctx) error {
	name := strings.Clone(c.Query("name", "World"))
	if problem := checkName(name); problem != "" {
		p := newProblem(invalidParameter, "the name is invalid; see errors")
		p.Errors = []fieldError{{Parameter: "name", Detail: problem}}
		return p
	}
	now := time.Now().UTC()
	if c.Method() == fiber.MethodHead { // a safe method: it must not publish (RFC 9110, section 9.2.1)
		answer := currentTimeAnswer{Message: "Hello " + name, Timestamp: now.Format(time.RFC3339)}
		return send(c, fiber.StatusOK, "current_time", answer)
	}
	data := currentTimeData{ID: uuid.NewString(), User: name, Message: "Hello " + name, Timestamp: now.Unix()}
	value, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode the data of %s: %w", currentTimeType, err)
	}
	receipt := s.publish(c, []event.Event{{
		ID: data.ID, Source: DefaultSource, Type: currentTimeType, Subject: name,
		Time: now.Format(time.RFC3339Nano), DataContentType: "application/json", Data: value,
	}})[0]
	if receipt.Err != nil {
		return receipt.Err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	answer := currentTimeAnswer{ID: data.ID, Message: data.Message, Timestamp: now.Format(time.RFC3339)}
	return send(c, fiber.StatusOK, "current_time", answer)
}

// needsKeyToPublish lets strangers publish by asking for the time only where the service is open, or said to be for
// this.
func (s *Server) needsKeyToPublish(c *fiber.Ctx) error {
	if s.cfg.OpenCurrentTime {
		return c.Next()
	}
	return s.needsKey(c)
}

func checkName(name string) string {
	if len(name) > maxName {
		return fmt.Sprintf("must be at most %d bytes, and is %d", maxName, len(name))
	}
	if !utf8.ValidString(name) {
		return "must be valid UTF-8"
	}
	for _, r := range name {
		if r < 0x20 || r >= 0x7f && r <= 0x9f {
			return "must not contain control characters"
		}
	}
	return ""
}
