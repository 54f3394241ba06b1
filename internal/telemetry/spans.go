package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// Scope names this service's own instrumentation in each of its spans.
const Scope = "event-processing-service"

// tracer is that of the span in ctx. Without one it is a tracer that does nothing: who is given a context needs no
// configuration of its own, and traces cost nothing where the program's main did not set them up.
func tracer(ctx context.Context) trace.Tracer {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(Scope, trace.WithSchemaURL(semconv.SchemaURL))
}

// fail marks a span as failed. word is of a small set: it is what spans are grouped by.
func fail(span trace.Span, word string, err error) {
	span.SetAttributes(semconv.ErrorTypeKey.String(word))
	span.SetStatus(codes.Error, err.Error())
}
