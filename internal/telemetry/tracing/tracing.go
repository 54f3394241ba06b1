// Package tracing sets OpenTelemetry up as the standard OTEL_* variables ask for it, and not at all where they don't.
package tracing

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracing makes spans and sends them on.
type Tracing struct {
	trace.TracerProvider
	sdk          *sdk.TracerProvider // nil: off
	besideLambda bool                // spans go where Lambda's own segments go
}

// Setup reads the environment: traces are on where OTEL_TRACES_EXPORTER is otlp, or where OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says where they go; OTEL_TRACES_EXPORTER=none and OTEL_SDK_DISABLED=true turn them
// off. OTLP goes over HTTP as JSON. OTEL_TRACES_EXPORTER=xray sends them to the X-Ray daemon at AWS_XRAY_DAEMON_ADDRESS, for
// a function that Lambda runs with active tracing. Sampler, batching, headers, service name and resource are the SDK's own
// variables.
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
	t.besideLambda = kind == "xray"
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
