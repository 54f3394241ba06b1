package api

import (
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/telemetry"
)

// Requests times requests.
type Requests interface {
	// Begin counts an incoming request.
	Begin()
	// End counts its answer. method is one of HTTP's own or "_OTHER", route a template.
	End(method, route string, status int, took time.Duration)
}

// timed times every request that reaches a handler, if there is somebody to tell.
func (s *Server) timed(c *fiber.Ctx) error {
	if s.cfg.Requests == nil {
		return c.Next()
	}
	begin := time.Now()
	s.cfg.Requests.Begin()
	err := answered(c)
	s.cfg.Requests.End(methodOf(c), routeOf(c), c.Response().StatusCode(), time.Since(begin))
	return err
}

// traced puts a span around every request, within the trace that its traceparent names. A malformed traceparent starts
// a new trace. Health checks, which come every few seconds from several sides, have none. A service without spans of
// its own passes the trace of a request on, to log lines and records.
func (s *Server) traced() fiber.Handler {
	if s.cfg.Traces == nil {
		return func(c *fiber.Ctx) error {
			if remote := remoteSpan(c); remote.IsValid() {
				c.SetUserContext(trace.ContextWithSpanContext(c.UserContext(), remote))
			}
			return c.Next()
		}
	}
	tracer := s.cfg.Traces.Tracer(telemetry.Scope, trace.WithSchemaURL(semconv.SchemaURL))
	return func(c *fiber.Ctx) error {
		if isHealth(c) {
			return c.Next()
		}
		ctx := c.UserContext()
		if remote := remoteSpan(c); remote.IsValid() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, remote)
		}
		ctx, span := tracer.Start(ctx, methodOf(c), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		c.SetUserContext(ctx)
		err := answered(c)
		if span.IsRecording() {
			describe(span, c)
		}
		return err
	}
}

func describe(span trace.Span, c *fiber.Ctx) {
	status := c.Response().StatusCode()
	span.SetAttributes(semconv.HTTPRequestMethodKey.String(methodOf(c)), semconv.HTTPResponseStatusCode(status),
		semconv.URLScheme(c.Protocol()), semconv.URLPath(string(c.Request().URI().Path())))
	if route := routeOf(c); route != "" {
		span.SetName(methodOf(c) + " " + route)
		span.SetAttributes(semconv.HTTPRoute(route))
	}
	if status >= fiber.StatusInternalServerError { // a client's fault is not an error of the server's span
		span.SetAttributes(semconv.ErrorTypeKey.Int(status))
		span.SetStatus(codes.Error, "")
	}
}

func remoteSpan(c *fiber.Ctx) trace.SpanContext {
	header := &c.Request().Header
	parent := header.Peek(telemetry.TraceParent)
	if len(parent) == 0 {
		return trace.SpanContext{}
	}
	return telemetry.RemoteSpan(string(parent), string(header.Peek(telemetry.TraceState)))
}

// logged writes a line for one of every AccessLogOneIn requests: at 10,000 requests a second a line for each would be
// the largest part of the bill and of the CPU. Errors have lines of their own, and health checks have none.
func (s *Server) logged() fiber.Handler {
	var count atomic.Uint64
	oneIn := s.cfg.AccessLogOneIn
	return func(c *fiber.Ctx) error {
		if oneIn == 0 || (count.Add(1)-1)%uint64(oneIn) != 0 || isHealth(c) {
			return c.Next()
		}
		begin := time.Now()
		err := answered(c)
		ctx := telemetry.WithRequestID(c.UserContext(), requestIDOf(c))
		s.log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("method", methodOf(c)), slog.String("route", routeOf(c)),
			slog.Int("status", c.Response().StatusCode()),
			slog.Float64("duration_ms", float64(time.Since(begin).Microseconds())/1000),
			slog.Int("request_bytes", announced(c)), slog.String("client", clientOf(c)),
			slog.Int("one_in", oneIn))
		return err
	}
}

// announced is the Content-Length of the request: 0 without a body, and for a body in chunks.
func announced(c *fiber.Ctx) int { return max(c.Request().Header.ContentLength(), 0) }

// answered calls the next handler, and answers its error here, so that the status is known.
func answered(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return c.App().ErrorHandler(c, err)
	}
	return nil
}

// methods are the methods of HTTP that metrics and log lines name.
var methods = []string{http.MethodPost, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut,
	http.MethodPatch, http.MethodDelete}

// methodOf is one of methods or "_OTHER", as a client may send any word, and outlives the request.
func methodOf(c *fiber.Ctx) string {
	if i := slices.Index(methods, c.Method()); i >= 0 {
		return methods[i]
	}
	return "_OTHER"
}

// routeOf is the template of the route that answered, "" where there is none: then it is the one of the middlewares.
func routeOf(c *fiber.Ctx) string {
	if path := c.Route().Path; path != "/" {
		return path
	}
	return ""
}
