package telemetry

import (
	"context"
	"log/slog"
)

// toggle switches between DEBUG and the level that the program was started with, each time that signals has something.
func toggle[S any](ctx context.Context, level *slog.LevelVar, log *slog.Logger, signals <-chan S) {
	started := level.Level()
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		next := slog.LevelDebug
		if level.Level() == slog.LevelDebug {
			next = started
		}
		level.Set(next)
		log.Warn("log level changed by signal", "log_level", next.String()) // at WARN, so that both directions are seen
	}
}
