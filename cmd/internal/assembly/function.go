package assembly

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"event-processing-service/internal/kafka"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/emf"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/processor"
	"event-processing-service/schemas"
)

// FunctionParts are a program's own parts of its function. The zero value of each field is for Lambda.
type FunctionParts struct {
	Store   processor.Store              // nil: as the settings say
	Tracing *tracing.Tracing             // nil: as OTEL_* says
	Metrics io.Writer                    // for embedded metrics. nil: none
	Group   string                       // for spans. "": not known, because the payload does not have it
	Tune    func(*processor.Config)      // nil: as the settings say
	Needs   func([]processor.Dependency) // gets the dependencies of the handlers. nil: not called

	// Publisher wraps Kafka's, of follow-up events. nil: it is not wrapped
	Publisher func(telemetry.Publisher) telemetry.Publisher
}

// startTimeout bounds the start, for which Lambda gives a function 10 s.
const startTimeout = 9 * time.Second

// Function makes the function that Lambda, or the local trigger, invokes. It first waits for the dependencies of the
// handlers. closeAll ends its connections.
func (a *Assembly) Function(ctx context.Context, env settings.Processor, parts FunctionParts) (
	function payload.Function, closeAll func(), err error,
) {
	set, err := a.Handlers(env)
	if err != nil {
		return nil, nil, err
	}
	if env.Name != "" {
		a = &Assembly{Log: a.Log.With("processor", env.Name), Sets: a.Sets, aws: a.aws}
	}
	if parts.Store == nil {
		if parts.Store, err = a.Store(env.Store, env.Name); err != nil {
			return nil, nil, err
		}
	}
	if parts.Tracing == nil {
		if parts.Tracing, err = a.Tracing(ctx, "event-processing-service-processor"); err != nil {
			return nil, nil, err
		}
	}
	brokers, err := a.KafkaConfig(env.Kafka, "processor")
	if err != nil {
		return nil, nil, err
	}
	followUps := &followUps{cfg: brokers, topic: env.Kafka.Topic, routes: env.Kafka.Routes}
	publisher := telemetry.TracePublisher(followUps, env.Kafka.Topic)
	if parts.Publisher != nil {
		publisher = parts.Publisher(publisher)
	}
	keys, err := a.Keys(env.Keys)
	if err != nil {
		return nil, nil, err
	}
	if keys != nil {
		publisher = keys.Publisher(publisher)
	}
	mux, closeHandlers, err := a.handlers(ctx, env, set, parts, publisher)
	if err != nil {
		return nil, nil, err
	}
	deadLetters := kafka.NewRecordTopic(brokers, kafka.ProducerConfig{}, env.DeadLetterTopic)
	closeAll = func() {
		closeHandlers()
		followUps.close()
		deadLetters.Close()
	}
	store := emf.Store(telemetry.TraceStore(parts.Store, env.Store.System()))
	cfg := configOf(env, parts.Tune)
	if keys != nil {
		cfg.Opener = keys
	}
	if cfg.Schemas, err = loadSchemas(env.Schemas); err != nil {
		closeAll()
		return nil, nil, err
	}
	p, err := processor.New(cfg, mux, store, deadLetters, a.Log)
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return observe(p.Handle, parts), closeAll, nil
}

// handlers reads the secrets, registers the handlers, and waits for their dependencies.
func (a *Assembly) handlers(
	ctx context.Context, env settings.Processor, set processor.Set, parts FunctionParts, publisher processor.Publisher,
) (*processor.Mux, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	mux, deps := &processor.Mux{}, &processor.Deps{Log: a.Log, Publisher: publisher, Lookup: os.LookupEnv}
	if len(env.Secrets) > 0 {
		stored, err := a.secrets(ctx, env.Secrets)
		if err != nil {
			return nil, nil, err
		}
		deps.Secrets = stored.Value
	}
	closeHandlers, err := set.Register(ctx, mux, deps)
	if err != nil {
		return nil, nil, fmt.Errorf("register handlers: %w", err)
	}
	if err := deps.Run(ctx); err != nil {
		closeHandlers()
		return nil, nil, err
	}
	if parts.Needs != nil {
		parts.Needs(deps.Dependencies())
	}
	return mux, closeHandlers, nil
}

// secrets reads the handlers' secrets from AWS.
func (a *Assembly) secrets(ctx context.Context, named map[string]settings.Secret) (*secrets.Cache, error) {
	read, err := a.ReadSecrets()
	if err != nil {
		return nil, err
	}
	references := map[string]secrets.Reference{}
	for name, s := range named {
		r := secrets.Reference{Service: secrets.SecretsManager, ID: s.SecretsManager, JSON: s.JSON}
		if s.Parameter != "" {
			r.Service, r.ID = secrets.ParameterStore, s.Parameter
		}
		references[name] = r
	}
	return secrets.Load(ctx, references, read, a.Log)
}

// loadSchemas compiles the schemas of this repository if mode needs them: that takes milliseconds of a cold start.
func loadSchemas(mode string) (*schemas.Set, error) {
	if mode == "" || mode == "off" {
		return nil, nil
	}
	return schemas.Embedded()
}

func configOf(env settings.Processor, tune func(*processor.Config)) processor.Config {
	c := processor.DefaultConfig()
	c.Name = env.Name
	c.MaxAttempts = env.MaxAttempts
	c.AttemptTimeout = cmp.Or(env.AttemptTimeout, c.AttemptTimeout)
	c.BackoffBase, c.BackoffCap = cmp.Or(env.BackoffBase, c.BackoffBase), cmp.Or(env.BackoffCap, c.BackoffCap)
	c.ForeignIDMember = env.ForeignIDMember
	c.PartialBatchResponse = env.PartialBatchResponse
	c.Concurrency = cmp.Or(env.HandlersConcurrency, c.Concurrency)
	c.DeadLetterTopic = env.DeadLetterTopic
	c.SchemasWarn = env.Schemas == "warn"
	if tune != nil {
		tune(&c)
	}
	return c
}

// observe writes metrics of each batch, and spans if tracing is on.
func observe(f payload.Function, parts FunctionParts) payload.Function {
	if parts.Metrics != nil {
		f = emf.Function(f, parts.Metrics)
	}
	traces := parts.Tracing
	if !traces.IsOn() {
		return f
	}
	return telemetry.TraceFunction(f, traces, parts.Group, traces.Flush)
}
