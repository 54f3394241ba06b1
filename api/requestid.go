package api

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"event-processing-service/internal/event"
)

const headerRequestID = "X-Request-Id"

var requestIDName = []byte(headerRequestID)

// requestIDHeader carries the request's id on Kafka records, for the processor's log lines.
const requestIDHeader = "x-request-id"

// about is what is known about a request. Records refer to it, so it outlives the request.
type about struct {
	id      []byte
	client  *client         // nil: no valid key
	headers [4]event.Header // of its records: id, client and two of a trace
}

type aboutKey struct{}

// aboutOf is never nil. The framework refuses some requests before any middleware runs; nothing is known of those.
func aboutOf(c *fiber.Ctx) *about {
	if a, ok := c.Locals(aboutKey{}).(*about); ok {
		return a
	}
	return &about{}
}

// requestID keeps the client's X-Request-Id if it is sane, or makes one, and puts it on the answer.
func (s *Server) requestID(c *fiber.Ctx) error {
	id := c.Request().Header.Peek(headerRequestID)
	if saneRequestID(id) {
		id = bytes.Clone(id) // the framework reuses the memory after the request
	} else {
		id = newRequestID()
	}
	c.Locals(aboutKey{}, &about{id: id})
	c.Response().Header.SetCanonical(requestIDName, id)
	return c.Next()
}

// requestIDOf returns the request's id, or makes one for a request that no middleware has handled.
func requestIDOf(c *fiber.Ctx) string {
	id := aboutOf(c).id
	if id == nil {
		id = newRequestID()
		c.Response().Header.SetCanonical(requestIDName, id)
	}
	return string(id)
}

// newRequestID makes a random UUID. Request ids must differ, but guessing one gains nothing, so they come from the
// runtime's generator (ChaCha8, seeded by the system) and not from the system at each request.
func newRequestID() []byte {
	var id uuid.UUID
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40 // version 4 (RFC 9562, section 5.4)
	id[8] = id[8]&0x3f | 0x80
	text, _ := id.MarshalText() // never fails
	return text
}

// saneRequestID refuses ids that would make log lines or headers unreadable.
func saneRequestID(id []byte) bool {
	if len(id) == 0 || len(id) > 128 {
		return false
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("._:/+=-", c) < 0 {
			return false
		}
	}
	return true
}
