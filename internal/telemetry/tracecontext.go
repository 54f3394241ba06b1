package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/event"
)

// The headers of W3C Trace Context, in HTTP as in Kafka.
const (
	TraceParent = "traceparent"
	TraceState  = "tracestate"
)

var w3c propagation.TraceContext

// RemoteSpan reads the trace context that came with a request or a record. It is not valid where traceparent is absent or
// malformed, which starts a new trace; tracestate goes with it. A malformed tracestate alone is dropped (W3C Trace
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
