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

func (s *Server) hello(c *fiber.Ctx) error {
	return c.JSON(fiber.Map{"message": "Hello World!"})
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
		p := newProblem(fiber.StatusBadRequest, "the name can't be used; see errors")
		p.Errors = []fieldError{{Parameter: "name", Detail: problem}}
		return p
	}
	now := time.Now().UTC()
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
	return c.JSON(fiber.Map{"id": data.ID, "message": data.Message, "timestamp": now.Format(time.RFC3339)})
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
