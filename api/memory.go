package api

import (
	"bytes"
	"context"
	"math"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

// What clients can make this process hold is bounded by shares of GOMEMLIMIT. The limit alone would not help: it only
// makes the garbage collector work harder, and the memory of connections and bodies is in use.
//
//	connections   3/8   connectionMemory each, which a test measures
//	validation    1/4   data as a schema sees it
//	bodies        1/8   while they are read and their events are on the way
//	answers       1/16  until they are written
//
// The rest is for the process itself, and for records that wait for Kafka.

// connectionMemory is what one connection takes at the most: its read buffer of 32 KiB, and the headers that were read
// from it, which the parser keeps three times.
const connectionMemory = 160 << 10

// tlsMemory is what one more takes where it is encrypted: a record of 16 KiB as it came, in a buffer of up to twice as
// much, and the keys. A test measures it.
const tlsMemory = 40 << 10

const (
	// valueMemory and byteMemory are what a value, and a byte, of data take while they are held against a schema that
	// looks at each once, at the most; a test measures it. A value that breaks the schema takes most: what is said of
	// it.
	valueMemory, byteMemory = 640, 8
	// mostValidated is for a process without a memory limit.
	mostValidated = 512 << 20
	// largestEvent is more than Kafka accepts. A larger event is refused before it costs a validation.
	largestEvent = 1 << 20
	// validationPatience is longer than all validations that may be ahead in the queue take.
	validationPatience = 5 * time.Second
)

// validate validates data against the schema of its type, once there is memory for that.
func (s *Server) validate(ctx context.Context, e *event.Event) ([]schemas.Violation, error) {
	weight := validationMemory(e.Data)
	switch {
	case len(e.Data) > largestEvent:
		return nil, newProblem(eventTooLarge, eventTooLarge.Detail)
	case weight > s.load.maxValidated:
		return nil, newProblem(eventTooLarge,
			"the data has more values than this service has memory to hold against a schema; send several events")
	case !s.load.validated.TryAcquire(weight):
		ctx, cancel := context.WithTimeout(ctx, validationPatience)
		defer cancel()
		if err := s.load.validated.Acquire(ctx, weight); err != nil {
			return nil, newProblem(overloaded, overloaded.Detail)
		}
	}
	defer s.load.validated.Release(weight)
	return s.schemas.Validate(e.Type, e.Data), nil
}

// validationMemory counts values by what stands between them, also where that is part of a text.
func validationMemory(data []byte) int64 {
	values := 1
	for _, mark := range []string{",", ":", "[", "{"} {
		values += bytes.Count(data, []byte(mark))
	}
	return int64(values*valueMemory + len(data)*byteMemory)
}

// memoryLimit is how much memory this process may have; 0 if nothing bounds it.
func memoryLimit() int64 {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	return 0
}

// within is a share of limit, at most most.
func within(limit, share, most int64) int {
	if limit == 0 {
		return int(most)
	}
	return int(max(min(limit/share, most), 1))
}

// manyAnswers is how many bytes of answers may wait to be read before batches and large bodies are refused.
func (s *Server) manyAnswers() bool { return s.load.answers.Load() > s.load.maxAnswers }

// countAnswer counts the bytes of an answer until the client has read it. Otherwise a client that does not read could
// make the process hold any amount.
func (s *Server) countAnswer(ctx *fasthttp.RequestCtx) {
	conn, ok := ctx.Conn().(*clientConn)
	if !ok || ctx.Response.IsBodyStream() || ctx.UserValue(sharedKey{}) != nil {
		return
	}
	n := int64(len(ctx.Response.Body()))
	conn.answer.Add(n)
	s.load.answers.Add(n)
}

// answerWritten gives back what countAnswer counted.
func (c *clientConn) answerWritten() { c.from.load.answers.Add(-c.answer.Swap(0)) }
