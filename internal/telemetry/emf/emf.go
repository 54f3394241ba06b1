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

// Function writes what became of each batch to w, in one write when the batch is done. Dead letters are written at
// once: otherwise a function that dies later in the batch would have given up on an event without a word.
func Function(f payload.Function, w io.Writer) payload.Function {
	function := os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
	if function == "" {
		function = "local"
	}
	types := &eventTypes{known: map[string]bool{}}
	return func(ctx context.Context, in *payload.Batch) (payload.Response, error) {
		i, began := &invocation{function: function, w: w, types: types, byType: map[string]*counts{}}, time.Now()
		answer, err := f(context.WithValue(ctx, key{}, i), in)
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
func (s countingStore) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	reply, err := s.Store.Begin(ctx, c)
	if err == nil && reply.Answer == event.Done {
		of(ctx).add(c.Type, func(n *counts, _ string) { n.duplicates++ })
	}
	of(ctx).unreadable(c, err)
	return reply, err
}

func (s countingStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	reply, err := s.Store.Finish(ctx, c, o)
	if err == nil {
		of(ctx).finished(o, reply.Answer)
	}
	of(ctx).unreadable(c, err)
	return reply, err
}

func (s countingStore) Release(ctx context.Context, c event.Claim, attempts int, reason string) error {
	err := s.Store.Release(ctx, c, attempts, reason)
	if err == nil {
		of(ctx).add(c.Type, func(n *counts, _ string) {
			n.unfinished++
			n.retries += max(0, attempts-1)
		})
	}
	return err
}
