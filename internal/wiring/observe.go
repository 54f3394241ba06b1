package wiring

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/api"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/emf"
	"event-processing-service/internal/telemetry/metrics"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/internal/telemetry/web"
	"event-processing-service/processor"
)

// Observed is what shows an operator what the API does.
type Observed struct {
	Metrics *metrics.Metrics // nil: METRICS_PORT is 0
	Tracing *tracing.Tracing
	Around  []fiber.Handler // for api.Config
	topic   string
}

// ObserveAPI sets up what the settings and OTEL_* ask for. Metrics are served until ctx ends.
func ObserveAPI(ctx context.Context, s settings.API, log *slog.Logger) (*Observed, error) {
	traces, err := tracing.Setup(ctx, os.LookupEnv, "event-processing-service-api", telemetry.Version())
	if err != nil {
		return nil, err
	}
	o := &Observed{Tracing: traces, topic: s.Kafka.Topic}
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
func (o *Observed) ClientOptions() []kgo.Opt {
	if o.Metrics == nil {
		return nil
	}
	return []kgo.Opt{kgo.WithHooks(o.Metrics.Hook())}
}

// Publisher is p, observed.
func (o *Observed) Publisher(p *kafka.Publisher) api.Publisher {
	observed := telemetry.TracePublisher(p, o.topic)
	if o.Metrics == nil {
		return observed
	}
	o.Metrics.Watch(p)
	return o.Metrics.Publisher(observed)
}

// Rejected is for api.Config.
func (o *Observed) Rejected(reason string) {
	if o.Metrics != nil {
		o.Metrics.Rejected(reason)
	}
}

// ObserveStore is a store whose writes are in traces and metrics.
func ObserveStore(s processor.Store, system string) processor.Store {
	return emf.Store(telemetry.TraceStore(s, system))
}

// ObserveHandle writes metrics of each batch to w, and traces it where OTEL_* asks for that.
func ObserveHandle(h telemetry.Handle[processor.Response], traces *tracing.Tracing, group string, w io.Writer) telemetry.Handle[processor.Response] {
	h = emf.Handle(h, w)
	if traces.IsOn() {
		h = telemetry.TraceHandle(h, traces, group, traces.Flush)
	}
	return h
}
