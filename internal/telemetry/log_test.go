package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/telemetry"
)

// logged returns what the lines say that log writes, one object a line.
func logged(t *testing.T, level slog.Leveler, log func(*slog.Logger)) []map[string]any {
	t.Helper()
	var b bytes.Buffer
	log(telemetry.NewLogger(&b, level))
	var lines []map[string]any
	for line := range strings.Lines(b.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, object)
	}
	return lines
}

func TestALineIsOneJSONObjectWithTheRequestOfItsContext(t *testing.T) {
	ctx := telemetry.WithRequestID(context.Background(), "r-1")
	lines := logged(t, slog.LevelInfo, func(l *slog.Logger) {
		l.InfoContext(ctx, "event\nstored", "partition", 3)
		l.With("component", "api").ErrorContext(ctx, "failed")
		l.Warn("no request")
	})
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, want := range []map[string]any{
		{"level": "INFO", "msg": "event\nstored", "request_id": "r-1", "partition": 3.0},
		{"level": "ERROR", "msg": "failed", "request_id": "r-1", "component": "api"},
		{"level": "WARN", "msg": "no request"},
	} {
		at, _ := lines[i]["time"].(string)
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
			t.Errorf("line %d: time: %v", i, err)
		}
		delete(lines[i], "time")
		if len(lines[i]) != len(want) {
			t.Errorf("line %d is %v, not %v", i, lines[i], want)
		}
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("line %d: %s is %v, not %v", i, key, lines[i][key], value)
			}
		}
	}
}

func TestTheLevelMayChangeWhileItRuns(t *testing.T) {
	var level slog.LevelVar
	lines := logged(t, &level, func(l *slog.Logger) {
		l.Debug("hidden")
		level.Set(slog.LevelDebug)
		l.Debug("shown")
	})
	if len(lines) != 1 || lines[0]["msg"] != "shown" {
		t.Errorf("lines are %v", lines)
	}
}

func TestAContextWithoutRequestHasNoRequestID(t *testing.T) {
	if id := telemetry.RequestID(context.Background()); id != "" {
		t.Errorf("is %q", id)
	}
	if id := telemetry.RequestID(telemetry.WithRequestID(context.Background(), "r")); id != "r" {
		t.Errorf("is %q", id)
	}
}

func TestTheVersionIsNeverEmpty(t *testing.T) {
	if telemetry.Version() == "" {
		t.Error("is empty")
	}
}
