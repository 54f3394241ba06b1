//go:build !unix

package telemetry

import (
	"context"
	"log/slog"
)

// ToggleLevel does nothing where there is no SIGUSR1.
func ToggleLevel(context.Context, *slog.LevelVar, *slog.Logger) {}
