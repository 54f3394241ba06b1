package api

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
)

const headerRequestID = "X-Request-Id"

// requestIDHeader carries the request's id on Kafka records, for the processor's log lines.
const requestIDHeader = "x-request-id"

type requestIDKey struct{}

// requestID keeps the client's X-Request-Id if it is sane, else makes one, and puts it on the answer.
func (s *Server) requestID(c *fiber.Ctx) error {
	id := strings.Clone(c.Get(headerRequestID)) // the framework's strings live as long as the request
	if !saneRequestID(id) {
		id = newRequestID()
	}
	c.Locals(requestIDKey{}, id)
	c.Set(headerRequestID, id)
	return c.Next()
}

// requestIDOf returns the request's id. The framework refuses some requests before any middleware runs; those get one
// here.
func requestIDOf(c *fiber.Ctx) string {
	if id, ok := c.Locals(requestIDKey{}).(string); ok {
		return id
	}
	id := newRequestID()
	c.Set(headerRequestID, id)
	return id
}

// newRequestID makes a random UUID. Request ids must differ, but nobody gains by guessing one, so they come from the
// runtime's generator (ChaCha8, seeded by the system) and not from the system at each request.
func newRequestID() string {
	var id uuid.UUID
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40 // version 4 (RFC 9562, section 5.4)
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// saneRequestID keeps out what would make log lines or headers unreadable.
func saneRequestID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("._:/+=-", c) < 0 {
			return false
		}
	}
	return true
}
