package api

import (
	"iter"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"event-processing-service/internal/event"
)

// eventsPath takes events.
const eventsPath = "/v1/events"

// acceptedEvent is the answer for one event that is stored.
type acceptedEvent struct {
	ID        string `json:"id" xml:"id" example:"order-1"`
	Source    string `json:"source" xml:"source" example:"/orders" doc:"Source and id together name the event"`
	Topic     string `json:"topic" xml:"topic" example:"events" doc:"Where Kafka has it"`
	Partition int32  `json:"partition" xml:"partition" example:"2"`
	Offset    int64  `json:"offset" xml:"offset" example:"42"`
}

// batchAnswer is the answer for a batch: what became of each of its events, in their order.
type batchAnswer struct {
	Accepted int           `json:"accepted" xml:"accepted" example:"2" doc:"How many are stored"`
	Rejected int           `json:"rejected" xml:"rejected" example:"0"`
	Results  []batchResult `json:"results" xml:"results>i" nullable:"false" doc:"One for each event, in their order"`
}

type batchResult struct {
	Index   int           `json:"index" xml:"index" example:"0"`
	ID      string        `json:"id,omitempty" xml:"id,omitempty" example:"order-1" doc:"As far as it could be read"`
	Status  int           `json:"status" xml:"status" example:"202" doc:"As if the event had come alone"`
	Problem *eventProblem `json:"problem,omitempty" xml:"problem,omitempty"`
}

// postEvents takes events in any of the four forms and answers once Kafka has them. A request that took a turn keeps it
// until its answer is written and compressed: refusing a thousand events takes milliseconds, too.
func (s *Server) postEvents(c *fiber.Ctx) error {
	mine := turn{load: &s.load}
	defer mine.end()
	err := s.takeEvents(c, &mine)
	if !mine.held {
		return err
	}
	if err != nil {
		if err := s.handleError(c, err); err != nil {
			return err
		}
	}
	pack(c.Context())
	return nil
}

func (s *Server) takeEvents(c *fiber.Ctx, mine *turn) error {
	mode, err := modeOf(c)
	if err != nil {
		return err
	}
	room := held{load: &s.load}
	defer room.release() // by then Kafka has the events, or they have been given up
	body, err := s.readBody(c, &room)
	if err != nil {
		return err
	}
	if mode == event.ModeBatch {
		return s.postBatch(c, body, mine)
	}
	e, err := s.takeOne(c, mode, body, mine)
	if err != nil {
		return err
	}
	receipt := s.publish(c, []event.Event{e})[0]
	if receipt.Err != nil {
		return receipt.Err
	}
	s.locate(c, e.Identity())
	return send(c, fiber.StatusAccepted, "event", &acceptedEvent{
		ID: e.ID, Source: e.Source, Topic: receipt.Topic, Partition: receipt.Partition, Offset: receipt.Offset,
	})
}

// takeOne reads and checks an event. A large event can take as long as a batch, so it waits for a turn as a batch does.
// A refused event keeps the turn until its answer is written.
func (s *Server) takeOne(c *fiber.Ctx, mode event.Mode, body []byte, mine *turn) (event.Event, error) {
	if len(body) > quickBody {
		if err := mine.begin(); err != nil {
			return event.Event{}, err
		}
	}
	e, err := s.parseOne(c, mode, body)
	if err != nil {
		return event.Event{}, err
	}
	if err := s.check(c, &e, place{binary: mode == event.ModeBinary}); err != nil {
		return event.Event{}, err
	}
	mine.end() // waiting for Kafka needs no turn
	return e, nil
}

func (s *Server) parseOne(c *fiber.Ctx, mode event.Mode, body []byte) (event.Event, error) {
	switch mode {
	case event.ModeStructured:
		return event.ParseStructured(body)
	case event.ModeBinary:
		contentType := c.Get(fiber.HeaderContentType)
		if contentType == mediaJSON {
			contentType = mediaJSON
		} else {
			contentType = strings.Clone(contentType) // attributes outlive the request; the framework's strings don't
		}
		return event.ParseBinary(contentType, headersOf(c), body)
	default:
		key, err := idempotencyKey(c.Get("Idempotency-Key"))
		if err != nil {
			return event.Event{}, err
		}
		id := func() string { return uuid.Must(uuid.NewV7()).String() } // version 7 sorts by time, which suits indexes
		if key != "" {
			id = func() string { return key }
		}
		return event.ParsePlain(body,
			event.Defaults{ID: id, Source: defaultSource(c), Time: time.Now().UTC().Format(time.RFC3339Nano)})
	}
}

// publish stores events with the headers that tie the records to this request.
func (s *Server) publish(c *fiber.Ctx, events []event.Event) []event.Receipt {
	about := aboutOf(c)
	headers := append(about.headers[:0], event.Header{Key: requestIDHeader, Value: about.id})
	if about.client != nil {
		headers = append(headers, about.client.header)
	}
	return s.events.Publish(c.UserContext(), events, headers...)
}

// idempotencyKey reads the Idempotency-Key header: a structured-field string, in double quotes (RFC 8941, section
// 3.3.3). Many clients send a bare key, which is taken, too.
func idempotencyKey(header string) (string, error) {
	key := strings.Clone(header)
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(key[1 : len(key)-1])
	}
	if header != "" && key == "" || len(key) > 256 {
		p := newProblem(invalidParameter, "the Idempotency-Key is invalid; see errors")
		p.Errors = []fieldError{{Header: "idempotency-key", Detail: "must be a quoted string of 1 to 256 bytes"}}
		return "", p
	}
	return key, nil
}

// modeOf tells in which form the request carries its events.
func modeOf(c *fiber.Ctx) (event.Mode, error) {
	contentType := c.Get(fiber.HeaderContentType)
	if contentType == "application/cloudevents+json" { // then the other headers don't matter
		return event.ModeStructured, nil
	}
	return event.DetectMode(contentType, hasAttributes(c))
}

func hasAttributes(c *fiber.Ctx) bool {
	header := &c.Request().Header
	if len(header.Peek("Ce-Id")) > 0 {
		return true
	}
	for name := range header.All() {
		if isAttribute(name) {
			return true
		}
	}
	return false
}

func isAttribute(name []byte) bool {
	return len(name) > 3 && (name[0]|0x20) == 'c' && (name[1]|0x20) == 'e' && name[2] == '-'
}

// headersOf yields the ce- headers. Their strings outlive the request. All values share one string: a string for each
// would be half of what such a request allocates.
func headersOf(c *fiber.Ctx) iter.Seq2[string, string] {
	header, size := &c.Request().Header, 0
	for name, value := range header.All() {
		if isAttribute(name) {
			size += len(value)
		}
	}
	var text strings.Builder
	text.Grow(size)
	return func(yield func(string, string) bool) {
		for name, value := range header.All() {
			if !isAttribute(name) {
				continue
			}
			start := text.Len()
			text.Write(value)
			if !yield(attributeName(name), text.String()[start:]) {
				return
			}
		}
	}
}

// attributeName avoids an allocation for the names that nearly every request has.
func attributeName(header []byte) string {
	switch string(header) {
	case "Ce-Id":
		return "ce-id"
	case "Ce-Source":
		return "ce-source"
	case "Ce-Type":
		return "ce-type"
	case "Ce-Specversion":
		return "ce-specversion"
	case "Ce-Time":
		return "ce-time"
	case "Ce-Subject":
		return "ce-subject"
	}
	return string(header)
}
