//go:build unix

package telemetry

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// ToggleLevel lets SIGUSR1 switch the log between DEBUG and the level that the program was started with, until ctx
// ends: a process that misbehaves now is not restarted to be asked why.
func ToggleLevel(ctx context.Context, level *slog.LevelVar, log *slog.Logger) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer signal.Stop(signals)
		toggle(ctx, level, log, signals)
	}()
}

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
