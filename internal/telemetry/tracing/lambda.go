package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// Invoked returns the context of an invocation in which Lambda's own segment is the parent, where spans go to the same
// place as that. Elsewhere, as with a collector that is no friend of X-Ray's, the parent would be one that nobody knows, and
// Lambda's sampling would decide about spans that it has nothing to do with.
func (t *Tracing) Invoked(ctx context.Context) context.Context {
	if !t.besideLambda {
		return ctx
	}
	header, _ := ctx.Value("x-amzn-trace-id").(string) // aws-lambda-go's key
	if parent := lambdaSpan(header); parent.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	return ctx
}

// lambdaSpan reads a tracing header such as Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1.
//
// Source: AWS X-Ray Developer Guide, "Tracing header".
func lambdaSpan(header string) trace.SpanContext {
	var c trace.SpanContextConfig
	for field := range strings.SplitSeq(header, ";") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(field), "="); name {
		case "Root":
			version, id, _ := strings.Cut(value, "-")
			if version == "1" {
				c.TraceID, _ = trace.TraceIDFromHex(strings.Replace(id, "-", "", 1)) // malformed stays invalid
			}
		case "Parent":
			c.SpanID, _ = trace.SpanIDFromHex(value)
		case "Sampled":
			c.TraceFlags = c.TraceFlags.WithSampled(value == "1")
		}
	}
	return trace.NewSpanContext(c)
}
