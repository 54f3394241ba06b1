package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/event"
)

// The headers of W3C Trace Context, in HTTP as in Kafka.
const (
	TraceParent = "traceparent"
	TraceState  = "tracestate"
)

var w3c propagation.TraceContext

// RemoteSpan reads the trace context that came with a request or a record. It is not valid where traceparent is absent
// or malformed, which starts a new trace; tracestate goes with it. A malformed tracestate alone is dropped (W3C Trace
// Context, section 3.3.1).
func RemoteSpan(parent, state string) trace.SpanContext {
	if parent == "" {
		return trace.SpanContext{}
	}
	carrier := carrier{parent: parent, state: state}
	return trace.SpanContextFromContext(w3c.Extract(context.Background(), &carrier))
}

// TraceHeaders writes the trace context of ctx, or two empty strings where there is none.
func TraceHeaders(ctx context.Context) (parent, state string) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return "", ""
	}
	var c carrier
	w3c.Inject(ctx, &c)
	return c.parent, c.state
}

// carrier is the two headers.
type carrier struct{ parent, state string }

func (c *carrier) Get(key string) string {
	switch key {
	case TraceParent:
		return c.parent
	case TraceState:
		return c.state
	}
	return ""
}

func (c *carrier) Set(key, value string) {
	switch key {
	case TraceParent:
		c.parent = strings.Clone(value)
	case TraceState:
		c.state = strings.Clone(value)
	}
}

// read takes the header of a record if it is one of the two. The last one counts.
func (c *carrier) read(h event.Header) {
	switch {
	case len(h.Key) == len(TraceParent) && strings.EqualFold(h.Key, TraceParent):
		c.parent = string(h.Value)
	case len(h.Key) == len(TraceState) && strings.EqualFold(h.Key, TraceState):
		c.state = string(h.Value)
	}
}

func (c *carrier) Keys() []string { return []string{TraceParent, TraceState} }

// Scope names this service's own instrumentation in each of its spans.
const Scope = "event-processing-service"

// tracer is that of the span in ctx. Without one it is a tracer that does nothing: code that has a context needs no
// configuration of its own, and traces cost nothing where the program's main did not set them up.
func tracer(ctx context.Context) trace.Tracer {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(Scope, trace.WithSchemaURL(semconv.SchemaURL))
}

// fail marks a span as failed. word is of a small set: it is what spans are grouped by.
func fail(span trace.Span, word string, err error) {
	span.SetAttributes(semconv.ErrorTypeKey.String(word))
	span.SetStatus(codes.Error, event.Shorten(err.Error()))
}
