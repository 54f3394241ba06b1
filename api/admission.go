package api

import (
	"sync/atomic"

	"github.com/gofiber/fiber/v2"
)

// Overload is answered at once: a queue would only make each answer later, until clients give up and ask again, which
// makes it longer.

const (
	// defaultInFlight is 50 times what one process carries at 10,000 requests a second and 4 ms each.
	defaultInFlight = 2048
	// defaultBufferedBytes are 16 of the largest bodies.
	defaultBufferedBytes = 64 << 20
	// smallBody is as much as every request may have; beyond it a body is large. 1,000 of the shortest events are large.
	smallBody = 32 << 10
	// defaultBatches at once are 48,000 events at most, of the 65,536 that the producer buffers: the rest is for posts of
	// one event.
	defaultBatches = 48
)

// load is what the process has taken on.
type load struct {
	maxRequests, maxBytes, maxBatches int64

	requests atomic.Int64
	bytes    atomic.Int64 // of bodies
	large    atomic.Int64 // of bytes, those of large bodies: half of maxBytes at most
	batches  atomic.Int64
}

// admit bounds the requests under way. Health is always told.
func (s *Server) admit(c *fiber.Ctx) error {
	if s.health.asked(c) {
		return c.Next()
	}
	if !acquire(&s.load.requests, 1, s.load.maxRequests) {
		return newProblem(overloaded, overloaded.Detail)
	}
	defer s.load.requests.Add(-1)
	return c.Next()
}

// admitBatch bounds the batches that are published at once.
func (s *Server) admitBatch() (release func(), err error) {
	if !acquire(&s.load.batches, 1, s.load.maxBatches) {
		return nil, newProblem(overloaded, "too many batches are under way; send it again after a pause")
	}
	return func() { s.load.batches.Add(-1) }, nil
}

// acquire adds n unless that exceeds most.
func acquire(counter *atomic.Int64, n, most int64) bool {
	if counter.Add(n) > most {
		counter.Add(-n)
		return false
	}
	return true
}

// held is the room that one body takes of load.
type held struct {
	load         *load
	bytes, large int64
}

// more takes room for n bytes of a body.
func (h *held) more(n int64, large bool) bool {
	if !acquire(&h.load.bytes, n, h.load.maxBytes) {
		return false
	}
	h.bytes += n
	if large {
		if !acquire(&h.load.large, n, h.load.maxBytes/2) {
			return false // the rest is given back with everything
		}
		h.large += n
	}
	return true
}

// release gives all of it back.
func (h *held) release() {
	h.load.bytes.Add(-h.bytes)
	if h.large > 0 {
		h.load.large.Add(-h.large)
	}
}
