package tracing

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
)

// lossesAtMost is how often a loss is logged: while a collector is away, every batch of spans is one.
const lossesAtMost = time.Minute

// LogLosses has spans that could not be sent logged. OpenTelemetry's own way is a line on stderr that is no JSON.
func LogLosses(log *slog.Logger) { otel.SetErrorHandler(losses(log)) }

func losses(log *slog.Logger) otel.ErrorHandlerFunc {
	var last atomic.Int64
	return func(err error) {
		now, before := time.Now().UnixNano(), last.Load()
		if now-before >= int64(lossesAtMost) && last.CompareAndSwap(before, now) {
			log.LogAttrs(context.Background(), slog.LevelWarn, "traces are lost", slog.String("error", err.Error()))
		}
	}
}
