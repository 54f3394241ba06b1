package trigger

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// outcome is what became of one invocation: the zero value is a success.
type outcome struct {
	failed    []*kgo.Record // in the order in which they were sent
	err       error         // why; nil if the function named the failed records itself
	requestID string
	invoked   int // 1, or 0 if it did not come to that
}

// partial reports that the function took the records that are not in failed.
func (o *outcome) partial() bool { return o.err == nil }

// of is the part of a failure that concerns one partition, nil if none does.
func (o *outcome) of(partition int32) *outcome {
	part := &outcome{err: o.err, requestID: o.requestID, invoked: o.invoked}
	for _, r := range o.failed {
		if r.Partition == partition {
			part.failed = append(part.failed, r)
		}
	}
	if len(part.failed) == 0 {
		return nil
	}
	return part
}

// errStopped fails an attempt that was not begun because the mapping stops, or its partition is to be given up.
var errStopped = errors.New("the mapping stops")

// payloadTooLargeError is the failure of a batch that no invocation can carry: a single record, since larger batches
// are never gathered.
type payloadTooLargeError struct{ size, limit int }

func (e *payloadTooLargeError) Error() string {
	return fmt.Sprintf("payload of one record has %d bytes, an invocation takes %d", e.size, e.limit)
}

// attempt invokes the function once with the records, when one of the slots is free. The context ends the wait for a
// slot, not the invocation.
func (c *consumer) attempt(ctx context.Context, records []*kgo.Record) *outcome {
	out := &outcome{failed: records, requestID: uuid.NewString()}
	payload := c.cfg.Source.AppendPayload(nil, records)
	if len(payload) > c.cfg.MaxPayloadBytes {
		out.err = &payloadTooLargeError{len(payload), c.cfg.MaxPayloadBytes}
		return out
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		out.err = errStopped
		return out
	}
	if ctx.Err() != nil { // both were possible
		out.err = errStopped
		return out
	}

	// The function's time begins here, not with the wait for a slot.
	invoking, cancel := context.WithTimeout(c.invoking, c.cfg.FunctionTimeout)
	defer cancel()
	out.invoked = 1
	response, err := c.invoker.Invoke(lambdacontext.NewContext(invoking, &lambdacontext.LambdaContext{
		AwsRequestID: out.requestID, InvokedFunctionArn: c.cfg.Function.ARN,
	}), payload)
	switch p := c.cfg.Provisioned; {
	case err != nil:
		out.err = err
	case p != nil && p.ReportBatchItemFailures:
		out.failed, out.err = failedRecords(response, records)
	default:
		out.failed = nil
	}
	return out
}
