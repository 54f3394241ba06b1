package trigger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// maxInvocation is Lambda's limit for a function's timeout, the deadline of an invocation whose context has none.
const maxInvocation = 15 * time.Minute

// invocation is one run of the function through the Runtime API.
type invocation struct {
	id       string
	payload  []byte
	start    time.Time
	deadline time.Time
	traceID  string
	answers  chan answer // has room for the one answer
}

type answer struct {
	response []byte
	err      error
}

func newInvocation(ctx context.Context, payload []byte) *invocation {
	start := time.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = start.Add(maxInvocation)
	}
	return &invocation{
		id: requestID(ctx), payload: payload, start: start, deadline: deadline, traceID: newTraceID(start),
		answers: make(chan answer, 1),
	}
}

// answer keeps the first answer.
func (i *invocation) answer(a answer) {
	select {
	case i.answers <- a:
	default:
	}
}

// ended is the failure of an invocation whose context ended first.
func (i *invocation) ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return timeoutError(i.id, i.deadline.Sub(i.start))
	}
	return fmt.Errorf("invoke function: %w", ctx.Err())
}

// newTraceID makes a tracing header with random ids, not sampled: nothing here records X-Ray segments.
//
// Source: AWS X-Ray Developer Guide, "Tracing header".
func newTraceID(now time.Time) string {
	var b [12 + 8]byte
	rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0",
		now.Unix(), hex.EncodeToString(b[:12]), hex.EncodeToString(b[12:]))
}
