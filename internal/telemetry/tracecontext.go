package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
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

func (c *carrier) Keys() []string { return []string{TraceParent, TraceState} }
