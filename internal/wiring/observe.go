package wiring

import (
	"context"
	"io"

	"event-processing-service/internal/payload"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/emf"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/processor"
)

// ObserveStore is a store whose writes are in traces and metrics.
func ObserveStore(s processor.Store, system string) processor.Store {
	return emf.Store(telemetry.TraceStore(s, system))
}

// NewFunction is what Lambda invokes, and what the local trigger does. It writes metrics of each batch to w, and traces it
// where OTEL_* asks for that.
func NewFunction(p *processor.Processor, traces *tracing.Tracing, group string, w io.Writer) processor.Function {
	h := emf.Handle(p.Handle, w)
	if traces.IsOn() {
		traced := telemetry.TraceHandle(h, traces, group, traces.Flush)
		h = func(ctx context.Context, in *payload.Batch) (processor.Response, error) {
			return traced(traces.Invoked(ctx), in)
		}
	}
	return processor.Function(h)
}
