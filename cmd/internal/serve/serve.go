// Package serve makes the API and its surroundings from the settings. It is separate from package assembly so that the
// function's binary does without it.
package serve

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/api"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/limit"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/metrics"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/schemas"
)

// Parts are a program's own parts of its API. The zero value of each field is for the container.
type Parts struct {
	Outcomes  api.Outcomes                      // nil: those in the table, if the settings name one
	Others    []api.Processor                   // nil: those in the table, of all sets of handlers but the first
	Tracing   *tracing.Tracing                  // nil: as OTEL_* says
	Publisher func(api.Publisher) api.Publisher // wraps Kafka's. nil: it is not wrapped
	Checks    func() []api.Check                // of dependencies of handlers in the same process. nil: none
}

// Program is the API with all its parts.
type Program struct {
	Tracing *tracing.Tracing
	Metrics *metrics.Metrics

	server    *api.Server
	publisher *kafka.Publisher
	timeout   time.Duration
	log       *slog.Logger
}

// New makes the program. Metrics are served on METRICS_PORT until ctx ends, and the limiter's connections live as long
// as the process. The caller closes it.
func New(ctx context.Context, a *assembly.Assembly, env settings.API, parts Parts) (*Program, error) {
	p := &Program{Tracing: parts.Tracing, Metrics: metrics.New(telemetry.Version()), timeout: env.PublishTimeout,
		log: a.Log}
	if _, err := a.Handlers(settings.Processor{}); err != nil {
		return nil, err
	}
	outcomes, others, err := newOutcomes(a, env.Store, parts)
	if err != nil {
		return nil, err
	}
	if p.Tracing == nil {
		if p.Tracing, err = a.Tracing(ctx, "event-processing-service-api"); err != nil {
			return nil, err
		}
	}
	cfg, err := p.config(ctx, a, env)
	if err != nil {
		return nil, err
	}
	if env.SelfSigned {
		if cfg.TLS, err = selfSigned(time.Now()); err != nil {
			return nil, err
		}
	}
	cfg.Checks = parts.Checks
	cfg.Processors, cfg.Topic = others, env.Kafka.Topic
	brokers, err := a.KafkaConfig(env.Kafka, "api")
	if err != nil {
		return nil, err
	}
	keys, err := a.Keys(env.Keys)
	if err != nil {
		return nil, err
	}
	if err := p.Metrics.Serve(ctx, env.MetricsAddress, env.MetricsPort); err != nil {
		return nil, err
	}
	p.publisher, err = kafka.NewPublisher(brokers,
		kafka.ProducerConfig{Timeout: env.PublishTimeout, Routes: env.Kafka.Routes}, env.Kafka.Topic,
		kgo.WithHooks(p.Metrics.Hook()))
	if err != nil {
		return nil, err
	}
	p.Metrics.Watch(p.publisher)
	publisher := p.Metrics.Publisher(telemetry.TracePublisher(p.publisher, env.Kafka.Topic))
	if parts.Publisher != nil {
		publisher = parts.Publisher(publisher)
	}
	if keys != nil {
		publisher = keys.Publisher(publisher)
		cfg.NeedsSubject = keys.Seals
	}
	p.server = api.New(cfg, publisher, outcomes, a.Log)
	if env.ClientsFrom != (settings.Origin{}) {
		if err := followClients(ctx, a, env.ClientsFrom, env.CanaryKey, p.server.SetClients); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// newOutcomes returns nil without a store that the processors share, because a memory store of this process would be
// empty.
func newOutcomes(a *assembly.Assembly, s settings.Store, given Parts) (
	first api.Outcomes, others []api.Processor, err error,
) {
	if given.Outcomes != nil || s.Kind != "dynamodb" {
		return given.Outcomes, given.Others, nil
	}
	table, err := a.Table(s)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range a.Sets.Others() {
		others = append(others, api.Processor{Name: name, Outcomes: table.Of(name)})
	}
	return table, others, nil
}

// Serve answers requests on ln until ctx ends, and then gives running requests at most patience.
func (p *Program) Serve(ctx context.Context, ln net.Listener, patience time.Duration) error {
	return p.server.Serve(ctx, ln, patience)
}

// Close waits, as long as a publish may take, for records that Kafka has not acknowledged, and sends the remaining
// spans. Records that can't be sent are logged and are not an error: Serve has returned, so each client has its
// answer, and those clients were told that the outcome is unknown.
func (p *Program) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
	defer cancel()
	if err := p.publisher.Close(ctx); err != nil {
		p.log.Warn("records were left without an acknowledgement", "error", err)
	}
	if err := p.Tracing.Close(ctx); err != nil {
		p.log.Warn("spans were left unsent", "error", err)
	}
}

// config translates the settings into the API's configuration.
func (p *Program) config(ctx context.Context, a *assembly.Assembly, env settings.API) (api.Config, error) {
	cfg := api.Config{
		Version: telemetry.Version(), Commit: telemetry.Commit(), Image: imageDigest(ctx),
		Metrics: p.Metrics.Registry, Requests: p.Metrics.Requests(), AccessLogOneIn: env.AccessLogOneIn,
		DrainDelay: env.DrainDelay, PublicURL: env.PublicURL,
		Clients: clientsOf(env.Clients), Rate: limit.Rate(env.RateLimit),
		TrustedProxies: env.TrustedProxies, CORSOrigins: env.CORSOrigins, SchemaMode: api.SchemasOpen,
		OpenCurrentTime: env.OpenCurrentTime,
	}
	if p.Tracing.IsOn() {
		cfg.Traces = p.Tracing
	}
	if env.StrictSchemas {
		cfg.SchemaMode = api.SchemasStrict
	}
	var err error
	if cfg.Schemas, err = schemas.Embedded(); err != nil {
		return cfg, err
	}
	cfg.Limiter, cfg.LimitsCheck, err = p.newLimiter(a, env.RateLimitURL)
	return cfg, err
}
