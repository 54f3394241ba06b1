//go:build unix

package telemetry

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// ToggleLevel lets SIGUSR1 switch the log between DEBUG and the level that the program was started with, until ctx ends: a
// process that misbehaves now is not restarted to be asked why.
func ToggleLevel(ctx context.Context, level *slog.LevelVar, log *slog.Logger) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer signal.Stop(signals)
		toggle(ctx, level, log, signals)
	}()
}
