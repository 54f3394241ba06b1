// Package observe puts metrics, traces and the access log around the API. It is apart from the other wiring so that the
// function's binary has none of it.
package observe

import (
	"context"
	"log/slog"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/api"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/metrics"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/internal/telemetry/web"
)

// API is what shows an operator what the API does.
type API struct {
	Metrics *metrics.Metrics // nil: METRICS_PORT is 0
	Tracing *tracing.Tracing
	Around  []fiber.Handler // for api.Config
	topic   string
}

// New sets up what the settings and OTEL_* ask for. Metrics are served until ctx ends.
func New(ctx context.Context, s settings.API, log *slog.Logger) (*API, error) {
	traces, err := tracing.Setup(ctx, os.LookupEnv, "event-processing-service-api", telemetry.Version())
	if err != nil {
		return nil, err
	}
	o := &API{Tracing: traces, topic: s.Kafka.Topic}
	if s.MetricsPort != 0 {
		o.Metrics = metrics.New(telemetry.Version())
		if err := o.Metrics.Serve(ctx, s.MetricsPort); err != nil {
			return nil, err
		}
		o.Around = append(o.Around, web.Metrics(o.Metrics.Requests()))
	}
	if traces.IsOn() {
		o.Around = append(o.Around, web.Trace(traces))
	} else {
		o.Around = append(o.Around, web.PassTrace)
	}
	if s.AccessLogOneIn > 0 && log.Enabled(ctx, slog.LevelInfo) {
		o.Around = append(o.Around, web.AccessLog(log, s.AccessLogOneIn, api.RequestID))
	}
	return o, nil
}

// ClientOptions are for the publisher's client.
func (o *API) ClientOptions() []kgo.Opt {
	if o.Metrics == nil {
		return nil
	}
	return []kgo.Opt{kgo.WithHooks(o.Metrics.Hook())}
}

// Publisher is p, observed.
func (o *API) Publisher(p *kafka.Publisher) api.Publisher {
	observed := telemetry.TracePublisher(p, o.topic)
	if o.Metrics == nil {
		return observed
	}
	o.Metrics.Watch(p)
	return o.Metrics.Publisher(observed)
}

// Rejected is for api.Config.
func (o *API) Rejected(reason string) {
	if o.Metrics != nil {
		o.Metrics.Rejected(reason)
	}
}
