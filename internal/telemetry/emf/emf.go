package emf

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/telemetry"
)

// Handle writes what became of each batch to w, in one write when the batch is done. Dead letters are written at once: a
// function that dies later in the batch would else have given up on an event without a word.
func Handle[R any](h telemetry.Handle[R], w io.Writer) telemetry.Handle[R] {
	function := os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
	if function == "" {
		function = "local"
	}
	return func(ctx context.Context, in *payload.Batch) (R, error) {
		i, began := &invocation{function: function, w: w, byType: map[string]*counts{}}, time.Now()
		answer, err := h(context.WithValue(ctx, key{}, i), in)
		var lines []byte
		for _, d := range i.documents(in, began, time.Now(), err != nil) {
			line, failed := d.line()
			if failed != nil {
				return answer, errors.Join(err, failed) // cannot be: they are numbers and strings
			}
			lines = append(lines, line...)
		}
		_, _ = w.Write(lines) // a batch is not to be processed again for the sake of its metrics
		return answer, err
	}
}

// Store counts what s is told, for the invocation that the context is of.
func Store(s telemetry.Store) telemetry.Store { return countingStore{s} }

type countingStore struct{ telemetry.Store }

// Begin finds duplicates of events that have a handler; those without come to Finish at once.
func (s countingStore) Begin(ctx context.Context, c event.Claim) (event.Claim, error) {
	claim, err := s.Store.Begin(ctx, c)
	if err == nil && claim.State == event.ClaimDone {
		// The claim knows no type. A type of its own shows that there were any.
		of(ctx).add("(duplicate)", func(n *counts, _ string) { n.duplicates++ })
	}
	return claim, err
}

func (s countingStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Claim, error) {
	claim, err := s.Store.Finish(ctx, c, o)
	if err == nil {
		of(ctx).finished(o, claim)
	}
	return claim, err
}
