package web

import (
	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/telemetry"
)

// Trace puts a span around every request, within the trace that its traceparent names. A malformed traceparent starts a
// new trace. Health checks, which come every few seconds from several sides, have none.
func Trace(provider trace.TracerProvider, isHealth func(path string) bool) fiber.Handler {
	tracer := provider.Tracer(telemetry.Scope, trace.WithSchemaURL(semconv.SchemaURL))
	return func(c *fiber.Ctx) error {
		if isHealth(c.Path()) {
			return c.Next()
		}
		ctx := c.UserContext()
		if remote := remoteSpan(c); remote.IsValid() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, remote)
		}
		method := method(c)
		ctx, span := tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		c.SetUserContext(ctx)
		err := answered(c)
		if !span.IsRecording() {
			return err
		}
		status := c.Response().StatusCode()
		span.SetAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPResponseStatusCode(status),
			semconv.URLScheme(c.Protocol()), semconv.URLPath(string(c.Request().URI().Path())))
		if route := route(c); route != "" {
			span.SetName(method + " " + route)
			span.SetAttributes(semconv.HTTPRoute(route))
		}
		if status >= fiber.StatusInternalServerError { // a client's fault is no error of the server's span
			span.SetAttributes(semconv.ErrorTypeKey.Int(status))
			span.SetStatus(codes.Error, "")
		}
		return err
	}
}

// PassTrace is for a service without spans of its own: the trace that a request names goes on, to log lines and records.
func PassTrace(c *fiber.Ctx) error {
	if remote := remoteSpan(c); remote.IsValid() {
		c.SetUserContext(trace.ContextWithSpanContext(c.UserContext(), remote))
	}
	return c.Next()
}

func remoteSpan(c *fiber.Ctx) trace.SpanContext {
	header := &c.Request().Header
	parent := header.Peek(telemetry.TraceParent)
	if len(parent) == 0 {
		return trace.SpanContext{}
	}
	return telemetry.RemoteSpan(string(parent), string(header.Peek(telemetry.TraceState)))
}
