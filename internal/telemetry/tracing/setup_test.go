package tracing

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestWhatTheEnvironmentGetsWrongIsRefusedByName(t *testing.T) {
	for _, bad := range []map[string]string{
		{"OTEL_TRACES_EXPORTER": "zipkin"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_EXPORTER": "otlp"},
		{"OTEL_TRACES_SAMPLER": "xray", "OTEL_TRACES_EXPORTER": "otlp"},
		{"OTEL_TRACES_SAMPLER_ARG": "5%", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_EXPORTER": "otlp"},
		{"OTEL_TRACES_SAMPLER_ARG": "1.5", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_EXPORTER": "otlp"},
		{"OTEL_TRACES_EXPORTER": "xray", "AWS_XRAY_DAEMON_ADDRESS": "nowhere"},
	} {
		_, err := Setup(t.Context(), func(name string) (string, bool) { v, set := bad[name]; return v, set }, "s", "v")
		named := false
		for name := range bad {
			named = named || err != nil && strings.HasPrefix(err.Error(), name+"=") || err != nil &&
				strings.HasPrefix(err.Error(), name+":")
		}
		if !named {
			t.Errorf("%v: error is %v", bad, err)
		}
	}
}

func TestACollectorThatIsAwayIsLoggedOnceAMinuteAndNotForEveryBatch(t *testing.T) {
	var out bytes.Buffer
	report := losses(slog.New(slog.NewJSONHandler(&out, nil)))
	report(errors.New("connection refused"))
	report(errors.New("connection refused"))
	if n := strings.Count(out.String(), "\n"); n != 1 || !strings.Contains(out.String(), `"error":"connection refused"`) {
		t.Errorf("%d lines: %s", n, out.String())
	}
}
