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
			named = named || err != nil && strings.HasPrefix(err.Error(), name+"=") || err != nil && strings.HasPrefix(err.Error(), name+":")
		}
		if !named {
			t.Errorf("%v: error is %v", bad, err)
		}
	}
}

func TestATracingHeaderThatIsNoneIsNoParent(t *testing.T) {
	for _, header := range []string{
		"", "Root=1-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8;Sampled=1", "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
		"Root=1-5759e988;Parent=53995c3f42cd8ad8", "Root=1-0-0;Parent=0",
	} {
		if c := lambdaSpan(header); c.IsValid() {
			t.Errorf("%q is taken for %v", header, c)
		}
	}
	if c := lambdaSpan("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0"); !c.IsValid() || !c.IsSampled() {
		t.Errorf("Lambda's own header is taken for %v", c)
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
