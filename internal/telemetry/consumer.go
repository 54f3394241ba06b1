package telemetry

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/event"
)

// Handle is the function that Lambda calls, with whatever answer R it gives.
type Handle[R any] func(ctx context.Context, in events.KafkaEvent) (R, error)

// TraceHandle puts a span around each invocation, with a link to the request that each record came from: a batch has many
// beginnings, so it is a child of none (but of the invocation, where ctx has
// a parent). flush, after it, sends the spans on: a function that is frozen sends nothing. group may be "": the payload does not tell the function by which group it was read.
func TraceHandle[R any](h Handle[R], provider trace.TracerProvider, group string, flush func(context.Context) error) Handle[R] {
	tracer := provider.Tracer(Scope, trace.WithSchemaURL(semconv.SchemaURL))
	return func(ctx context.Context, in events.KafkaEvent) (R, error) {
		topic, count, links := summarize(in)
		traced, span := tracer.Start(ctx, "process "+topic, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...),
			trace.WithAttributes(semconv.MessagingSystemKafka, semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess,
				semconv.MessagingDestinationName(topic), semconv.MessagingBatchMessageCount(count)))
		if invocation, ok := lambdacontext.FromContext(ctx); ok {
			span.SetAttributes(semconv.FaaSInvocationID(invocation.AwsRequestID)) // Lambda's own log lines have it, too
		}
		if group != "" {
			span.SetAttributes(semconv.MessagingConsumerGroupName(group))
		}
		answer, err := h(traced, in)
		if err != nil {
			fail(span, "batch", err)
		}
		span.End()
		_ = flush(ctx) // lost spans are no reason to process a batch again
		return answer, err
	}
}

func summarize(in events.KafkaEvent) (topic string, count int, links []trace.Link) {
	for _, records := range in.Records {
		count += len(records)
		for i := range records {
			topic = records[i].Topic
			var c carrier
			for _, header := range records[i].Headers {
				for key, value := range header {
					c.Set(strings.ToLower(key), string(value))
				}
			}
			if remote := RemoteSpan(c.parent, c.state); remote.IsValid() {
				links = append(links, trace.Link{SpanContext: remote})
			}
		}
	}
	return topic, count, links
}

// StartRecord returns the context in which a record is processed: with the request id and the trace of the request that it
// came from, so that its log lines and its store's writes are found under both. end takes why it was not finished.
func StartRecord(ctx context.Context, r *event.Record) (_ context.Context, end func(error)) {
	var c carrier
	for _, h := range r.Headers {
		switch {
		case strings.EqualFold(h.Key, "x-request-id"):
			ctx = WithRequestID(ctx, string(h.Value))
		case len(h.Key) == len(TraceParent) && strings.EqualFold(h.Key, TraceParent):
			c.parent = string(h.Value)
		case len(h.Key) == len(TraceState) && strings.EqualFold(h.Key, TraceState):
			c.state = string(h.Value)
		}
	}
	batch := trace.SpanFromContext(ctx)
	remote := RemoteSpan(c.parent, c.state)
	if !batch.SpanContext().IsValid() { // traces are off: only the log lines tell whose record it is
		if remote.IsValid() {
			ctx = trace.ContextWithSpanContext(ctx, remote)
		}
		return ctx, func(error) {}
	}
	tracer := tracer(ctx)
	var options []trace.SpanStartOption
	if remote.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, remote)
		options = append(options, trace.WithLinks(trace.Link{SpanContext: batch.SpanContext()}))
	}
	options = append(options, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		semconv.MessagingSystemKafka, semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess,
		semconv.MessagingDestinationName(r.Topic), semconv.MessagingDestinationPartitionID(itoa(r.Partition)), semconv.MessagingKafkaOffset(int(r.Offset))))
	ctx, span := tracer.Start(ctx, "process "+r.Topic, options...)
	return ctx, func(err error) {
		if err != nil {
			fail(span, "unfinished", err)
		}
		span.End()
	}
}

func itoa(n int32) string { return strconv.FormatInt(int64(n), 10) }
