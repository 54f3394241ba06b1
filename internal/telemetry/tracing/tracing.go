// Package tracing sets OpenTelemetry up as the standard OTEL_* variables ask for it, and not at all where they don't.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracing makes spans and sends them on.
type Tracing struct {
	trace.TracerProvider
	sdk *sdk.TracerProvider // nil: off
}

// Setup reads the environment: traces are on where OTEL_TRACES_EXPORTER is otlp, or where OTEL_EXPORTER_OTLP_ENDPOINT
// or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says where they go; OTEL_TRACES_EXPORTER=none and OTEL_SDK_DISABLED=true turn
// them off. OTLP goes over HTTP as JSON. OTEL_TRACES_EXPORTER=xray sends them to the X-Ray daemon at
// AWS_XRAY_DAEMON_ADDRESS, for a function that Lambda runs with active tracing. Sampler, batching, headers, service
// name and resource are the SDK's own variables.
func Setup(ctx context.Context, lookup func(string) (string, bool), service, version string) (*Tracing, error) {
	get := func(name string) string { v, _ := lookup(name); return strings.ToLower(strings.TrimSpace(v)) }
	wanted := get("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	kind := get("OTEL_TRACES_EXPORTER")
	switch kind {
	case "":
	case "otlp", "xray":
		wanted = true
	case "none":
		wanted = false
	default:
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER=%q: must be otlp, xray or none", kind)
	}
	if !wanted || get("OTEL_SDK_DISABLED") == "true" {
		return Off(), nil
	}
	if err := checkSampler(lookup); err != nil {
		return nil, err
	}
	exporter, err := exporterOf(kind, lookup) // connects when there is something to send
	if err != nil {
		return nil, err
	}
	// What the environment says of the resource comes last and wins.
	described, err := resource.New(ctx, resource.WithSchemaURL(semconv.SchemaURL),
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceVersion(version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe this process: %w", err)
	}
	t := On(sdk.WithBatcher(exporter), sdk.WithResource(described))
	return t, nil
}

func exporterOf(kind string, lookup func(string) (string, bool)) (sdk.SpanExporter, error) {
	if kind == "xray" {
		return newDaemon(lookup)
	}
	return newExporter(lookup)
}

// On makes spans, by the SDK's options.
func On(options ...sdk.TracerProviderOption) *Tracing {
	provider := sdk.NewTracerProvider(options...)
	return &Tracing{TracerProvider: provider, sdk: provider}
}

// Off makes no spans.
func Off() *Tracing { return &Tracing{TracerProvider: noop.NewTracerProvider()} }

// IsOn tells whether spans are made.
func (t *Tracing) IsOn() bool { return t.sdk != nil }

// Flush sends what is left to send.
func (t *Tracing) Flush(ctx context.Context) error {
	if t.sdk == nil {
		return nil
	}
	if err := t.sdk.ForceFlush(ctx); err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	return nil
}

// Close sends what is left and ends.
func (t *Tracing) Close(ctx context.Context) error {
	if t.sdk == nil {
		return nil
	}
	if err := t.sdk.Shutdown(ctx); err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	return nil
}

var samplers = []string{
	"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
	"parentbased_traceidratio",
}

// checkSampler refuses values that the SDK would only mention while it traces every request. It reads the same
// variables itself.
//
// Source: OpenTelemetry Environment Variable Specification, "General SDK Configuration".
func checkSampler(lookup func(string) (string, bool)) error {
	value, _ := lookup("OTEL_TRACES_SAMPLER")
	name := strings.ToLower(strings.TrimSpace(value))
	if name != "" && !slices.Contains(samplers, name) {
		return fmt.Errorf("OTEL_TRACES_SAMPLER=%q: must be one of %s", value, strings.Join(samplers, ", "))
	}
	text, set := lookup("OTEL_TRACES_SAMPLER_ARG")
	if !set || !strings.HasSuffix(name, "traceidratio") {
		return nil
	}
	if ratio, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err != nil || ratio < 0 || ratio > 1 {
		return fmt.Errorf("OTEL_TRACES_SAMPLER_ARG=%q: must be a number from 0 to 1", text)
	}
	return nil
}

// lossesAtMost is how often a loss is logged: while a collector is away, every batch of spans is one.
const lossesAtMost = time.Minute

// LogLosses logs that spans could not be sent. OpenTelemetry's own way is a line on stderr that is not JSON.
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
