package api

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/semaphore"
)

// Overload is answered at once: a queue would only delay each answer, until clients give up and ask again, which makes
// the queue longer.

const (
	// defaultInFlight is 50 times what one process carries at 10,000 requests a second and 4 ms each.
	defaultInFlight = 2048
	// defaultBufferedBytes are 16 of the largest bodies.
	defaultBufferedBytes = 64 << 20
	// smallBody is the size that every request may have: an event of 64 KiB, which every service must accept (CloudEvents
	// 1.0.2, section 5), and its attributes. It is read into memory of its size at once. Beyond it a body is large.
	smallBody = 80 << 10
	// defaultBatchEvents of batches at once leave a quarter of the 65,536 records that the producer buffers to posts of
	// one event.
	defaultBatchEvents = 48 << 10
	// quickBody is the size of bodies that are read and checked within a millisecond, whatever they contain.
	quickBody = 8 << 10
	// turnPatience is less than the time that clients wait.
	turnPatience = 5 * time.Second
)

// load is what the process has taken on.
type load struct {
	maxRequests, maxBytes, maxEvents int64

	requests atomic.Int64
	bytes    atomic.Int64 // of bodies
	large    atomic.Int64 // the part of bytes for large bodies: half of maxBytes at most
	events   atomic.Int64 // of batches

	turns chan struct{} // of batches and large bodies that are read, checked or answered

	maxValidated int64
	validated    *semaphore.Weighted // bytes of data that are being validated

	maxAnswers int64
	answers    atomic.Int64 // bytes of those that are not written yet
}

// admit bounds the requests under way. Health checks are always answered.
func (s *Server) admit(c *fiber.Ctx) error {
	if isHealth(c) {
		return c.Next()
	}
	if !acquire(&s.load.requests, 1, s.load.maxRequests) {
		return newProblem(overloaded, overloaded.Detail)
	}
	defer s.load.requests.Add(-1)
	return c.Next()
}

// admitBatch bounds the events of batches that are published at once. What reading a batch takes is bounded by its
// bytes.
func (s *Server) admitBatch(events int) (release func(), err error) {
	n := int64(events)
	if s.manyAnswers() || !acquire(&s.load.events, n, s.load.maxEvents) {
		return nil, newProblem(overloaded, "too many batches are under way; send it again after a pause")
	}
	return func() { s.load.events.Add(-n) }, nil
}

// turn is a request's right to have a batch or a large body read, checked or answered. Each of these takes milliseconds
// of a processor, and a health check waits for all goroutines that can run. So only few requests have a turn at a time.
type turn struct {
	load *load
	held bool
}

// begin waits for a turn, but not for ever.
func (t *turn) begin() error {
	select {
	case t.load.turns <- struct{}{}:
		t.begun()
		return nil
	case <-time.After(turnPatience):
		return newProblem(overloaded, "too many batches and large bodies are under way; send it again after a pause")
	}
}

// resume is a begin that can't be refused: the events are stored.
func (t *turn) resume() {
	t.load.turns <- struct{}{}
	t.begun()
}

// begun lets all goroutines that can run go first. Go runs a goroutine that waited for a channel ahead of them: the
// whole queue for turns would run first, and a health check, which takes microseconds, would wait for one turn of each
// connection in it.
func (t *turn) begun() {
	t.held = true
	runtime.Gosched()
}

func (t *turn) end() {
	if t.held {
		<-t.load.turns
		t.held = false
	}
}

// acquire adds n unless that exceeds most.
func acquire(counter *atomic.Int64, n, most int64) bool {
	if counter.Add(n) > most {
		counter.Add(-n)
		return false
	}
	return true
}

// held is the room that one body takes.
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
