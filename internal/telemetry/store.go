package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/event"
)

// Store remembers what became of events; see the processor's interface of that name.
type Store interface {
	Begin(ctx context.Context, c event.Claim) (event.Reply, error)
	Renew(ctx context.Context, c event.Claim) (event.Reply, error)
	Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error)
	Release(ctx context.Context, c event.Claim, attempts int, reason string) error
}

type tracingStore struct {
	Store
	system string
}

// TraceStore puts a span around each write of the store, where the record is traced. system is its db.system.name.
func TraceStore(s Store, system string) Store { return &tracingStore{s, system} }

func (s *tracingStore) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	ctx, end := s.start(ctx, "begin")
	reply, err := s.Store.Begin(ctx, c)
	end(err)
	return reply, err
}

func (s *tracingStore) Renew(ctx context.Context, c event.Claim) (event.Reply, error) {
	ctx, end := s.start(ctx, "renew")
	reply, err := s.Store.Renew(ctx, c)
	end(err)
	return reply, err
}

func (s *tracingStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	ctx, end := s.start(ctx, "finish", attribute.String("event.outcome", string(o.Status)))
	reply, err := s.Store.Finish(ctx, c, o)
	end(err)
	return reply, err
}

func (s *tracingStore) Release(ctx context.Context, c event.Claim, attempts int, reason string) error {
	ctx, end := s.start(ctx, "release")
	err := s.Store.Release(ctx, c, attempts, reason)
	end(err)
	return err
}

func (s *tracingStore) start(ctx context.Context, operation string, attributes ...attribute.KeyValue) (context.Context,
	func(error)) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, func(error) {}
	}
	ctx, span := tracer(ctx).Start(ctx, operation+" event", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		append(attributes, semconv.DBSystemNameKey.String(s.system), semconv.DBOperationName(operation))...))
	return ctx, func(err error) {
		if err != nil {
			fail(span, "store", err)
		}
		span.End()
	}
}
