package front

import (
	"context"
	"log/slog"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/api"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/metrics"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/internal/telemetry/web"
)

// Observed is what shows an operator what the API does.
type Observed struct {
	Metrics *metrics.Metrics // nil: METRICS_PORT is 0
	Tracing *tracing.Tracing
	Around  []fiber.Handler // for api.Config
	Topic   string          // where events go
}

// Observe sets up what the settings and OTEL_* ask for. Metrics are served on METRICS_PORT until ctx ends.
func Observe(ctx context.Context, s settings.API, log *slog.Logger) (*Observed, error) {
	if s.MetricsPort == 0 {
		return observe(ctx, s, nil, log)
	}
	m := metrics.New(telemetry.Version())
	if err := m.Serve(ctx, s.MetricsPort); err != nil {
		return nil, err
	}
	return observe(ctx, s, m, log)
}

// ObserveHere is Observe without a port for the metrics: the API shows them itself.
func ObserveHere(ctx context.Context, s settings.API, log *slog.Logger) (*Observed, error) {
	return observe(ctx, s, metrics.New(telemetry.Version()), log)
}

func observe(ctx context.Context, s settings.API, m *metrics.Metrics, log *slog.Logger) (*Observed, error) {
	traces, err := tracing.Setup(ctx, os.LookupEnv, "event-processing-service-api", telemetry.Version())
	if err != nil {
		return nil, err
	}
	tracing.LogLosses(log)
	o := &Observed{Metrics: m, Tracing: traces, Topic: s.Kafka.Topic}
	if m != nil {
		o.Around = append(o.Around, web.Metrics(m.Requests()))
	}
	if traces.IsOn() {
		o.Around = append(o.Around, web.Trace(traces, api.IsHealthPath))
	} else {
		o.Around = append(o.Around, web.PassTrace)
	}
	if s.AccessLogOneIn > 0 && log.Enabled(ctx, slog.LevelInfo) {
		o.Around = append(o.Around, web.AccessLog(log, s.AccessLogOneIn, api.IsHealthPath, api.RequestID, api.Client))
	}
	return o, nil
}

// ClientOptions are for the publisher's client.
func (o *Observed) ClientOptions() []kgo.Opt {
	if o.Metrics == nil {
		return nil
	}
	return []kgo.Opt{kgo.WithHooks(o.Metrics.Hook())}
}

// Publisher is p, observed.
func (o *Observed) Publisher(p *kafka.Publisher) api.Publisher {
	observed := telemetry.TracePublisher(p, o.Topic)
	if o.Metrics == nil {
		return observed
	}
	o.Metrics.Watch(p)
	return o.Metrics.Publisher(observed)
}

// Registry is where the API adds metrics of its own, nil where there are none.
func (o *Observed) Registry() *prometheus.Registry {
	if o.Metrics == nil {
		return nil
	}
	return o.Metrics.Registry
}

// Rejected is for api.Config.
func (o *Observed) Rejected(reason string) {
	if o.Metrics != nil {
		o.Metrics.Rejected(reason)
	}
}
