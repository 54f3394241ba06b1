package wiring

import (
	"context"
	"io"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/emf"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/processor"
)

// ObserveStore is a store whose writes are in traces and metrics.
func ObserveStore(s processor.Store, system string) processor.Store {
	return emf.Store(telemetry.TraceStore(s, system))
}

// ObserveHandle writes metrics of each batch to w, and traces it where OTEL_* asks for that.
func ObserveHandle(h telemetry.Handle[processor.Response], traces *tracing.Tracing, group string, w io.Writer) telemetry.Handle[processor.Response] {
	h = emf.Handle(h, w)
	if traces.IsOn() {
		traced := telemetry.TraceHandle(h, traces, group, traces.Flush)
		h = func(ctx context.Context, in events.KafkaEvent) (processor.Response, error) {
			return traced(traces.Invoked(ctx), in)
		}
	}
	return h
}
