package telemetry

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// TraceFunction puts a span around each invocation, with a link to the request that each record came from. A batch has
// many requests, so its span is a child of none of them; where ctx has a parent, it is a child of that. Afterwards
// flush sends the spans on: a function that is frozen sends nothing. group may be "", as the payload does not name the
// consumer group.
func TraceFunction(
	f payload.Function, provider trace.TracerProvider, group string, flush func(context.Context) error,
) payload.Function {
	tracer := provider.Tracer(Scope, trace.WithSchemaURL(semconv.SchemaURL))
	return func(ctx context.Context, in *payload.Batch) (payload.Response, error) {
		topic, count, links := summarize(in)
		traced, span := tracer.Start(ctx, "process "+topic, trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithLinks(links...), trace.WithAttributes(semconv.MessagingSystemKafka,
				semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess,
				semconv.MessagingDestinationName(topic), semconv.MessagingBatchMessageCount(count)))
		if invocation, ok := lambdacontext.FromContext(ctx); ok {
			span.SetAttributes(semconv.FaaSInvocationID(invocation.AwsRequestID)) // Lambda's own log lines have it, too
		}
		if group != "" {
			span.SetAttributes(semconv.MessagingConsumerGroupName(group))
		}
		answer, err := f(traced, in)
		if err != nil {
			fail(span, "batch", err)
		}
		span.End()
		_ = flush(ctx) // lost spans are no reason to process a batch again
		return answer, err
	}
}

func summarize(in *payload.Batch) (topic string, count int, links []trace.Link) {
	for _, partition := range in.Partitions {
		count += len(partition.Records)
		for i := range partition.Records {
			r := &partition.Records[i]
			topic = r.Topic
			var c carrier
			for _, header := range r.Headers {
				c.read(header)
			}
			if remote := RemoteSpan(c.parent, c.state); remote.IsValid() {
				links = append(links, trace.Link{SpanContext: remote})
			}
		}
	}
	return topic, count, links
}

// StartRecord returns the context in which a record is processed: with the request id and the trace of the request that
// it came from, so that its log lines and its store's writes are found under both. end takes why it was not finished.
func StartRecord(ctx context.Context, r *event.Record) (_ context.Context, end func(error)) {
	var c carrier
	for _, h := range r.Headers {
		if strings.EqualFold(h.Key, "x-request-id") {
			ctx = WithRequestID(ctx, event.Brief(string(h.Value))) // a foreign producer may have written it
			continue
		}
		c.read(h)
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
		semconv.MessagingDestinationName(r.Topic), semconv.MessagingDestinationPartitionID(itoa(r.Partition)),
		semconv.MessagingKafkaOffset(int(r.Offset))))
	ctx, span := tracer.Start(ctx, "process "+r.Topic, options...)
	return ctx, func(err error) {
		if err != nil {
			fail(span, "unfinished", err)
		}
		span.End()
	}
}

func itoa(n int32) string { return strconv.FormatInt(int64(n), 10) }
