package telemetry

import (
	"context"

	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/event"
)

// Publisher is what stores events; see the API's interface of that name.
type Publisher interface {
	Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt
	Check(ctx context.Context) error
}

type tracingPublisher struct {
	Publisher
	topic string
}

// TracePublisher puts the trace context on each record, and a span around the wait for Kafka where the request is
// traced. A context that came with the request goes on even where this service makes no spans of its own.
func TracePublisher(p Publisher, topic string) Publisher { return &tracingPublisher{p, topic} }

func (p *tracingPublisher) Publish(ctx context.Context, events []event.Event,
	transport ...event.Header) []event.Receipt {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return p.Publisher.Publish(ctx, events, transport...)
	}
	ctx, span := tracer(ctx).Start(ctx, "send "+p.topic, trace.WithSpanKind(trace.SpanKindProducer))
	defer span.End()
	if span.IsRecording() {
		span.SetAttributes(semconv.MessagingSystemKafka, semconv.MessagingOperationName("send"),
			semconv.MessagingOperationTypeSend,
			semconv.MessagingDestinationName(p.topic), semconv.MessagingBatchMessageCount(len(events)))
	}
	parent, state := TraceHeaders(ctx)
	transport = append(transport, event.Header{Key: TraceParent, Value: []byte(parent)})
	if state != "" {
		transport = append(transport, event.Header{Key: TraceState, Value: []byte(state)})
	}
	receipts := p.Publisher.Publish(ctx, events, transport...)
	if span.IsRecording() {
		describe(span, receipts)
		if to := destination(receipts); to != "" && to != p.topic { // its events are routed by their type
			span.SetName("send " + to)
			span.SetAttributes(semconv.MessagingDestinationName(to))
		}
	}
	return receipts
}

// destination is the topic that all of them are in, "" where there are several.
func destination(receipts []event.Receipt) (topic string) {
	for i, r := range receipts {
		if i > 0 && r.Topic != topic {
			return ""
		}
		topic = r.Topic
	}
	return topic
}

func describe(span trace.Span, receipts []event.Receipt) {
	for _, r := range receipts {
		if r.Err != nil {
			fail(span, string(event.FailureOf(r.Err)), r.Err)
			return
		}
	}
	if len(receipts) == 1 {
		span.SetAttributes(semconv.MessagingDestinationPartitionID(itoa(receipts[0].Partition)),
			semconv.MessagingKafkaOffset(int(receipts[0].Offset)))
	}
}
