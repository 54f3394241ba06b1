// Package telemetry is how the service shows what it does: logs, metrics, traces.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"runtime/debug"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger writes one JSON object a line to w: time, level, msg, the attributes, and the request_id and
// trace_id of the context that the line is logged with. level may be changed while it runs.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(contextHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})})
}

type requestIDKey struct{}

// requestContext is context.WithValue for the request id, which would put the string into one more piece of memory, for
// each record that is processed.
type requestContext struct {
	context.Context
	id string
}

func (c *requestContext) Value(key any) any {
	if key == (requestIDKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// WithRequestID returns a context whose log lines carry the request id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return &requestContext{Context: ctx, id: id}
}

// RequestID returns the request id of ctx, or "".
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(requestIDKey{}).(*requestContext); ok {
		return c.id
	}
	return ""
}

// contextHandler adds what the context knows to each line, so that no caller has to remember it.
type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}

// version and commit are set by the linker where an image is built; elsewhere the build says which revision it is of.
var version, commit string

// Version names the running build: a tag, a revision, or "devel".
func Version() string {
	if version != "" {
		return version
	}
	if revision := Commit(); len(revision) >= 12 {
		return revision[:12]
	}
	return "devel"
}

// Commit is the revision of the sources that the running build is of, or "" where the build was not told.
func Commit() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
