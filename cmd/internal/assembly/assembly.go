// Package assembly makes the parts of the programs from their settings. It is the one place that connects a setting
// with its part; every program, and every test of a whole program, takes its parts from here. Package serve has what
// only the API needs, so that the function's binary does without it.
package assembly

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/handlers"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/store"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/processor"
)

// ConsumerGroup is the first processor's group on a laptop. In AWS the stack's name is part of it.
const ConsumerGroup = "event-processing-service-event-processor"

// ArchiveGroup is the archiver's group on a laptop.
const ArchiveGroup = "event-processing-service-archive"

// GroupOf is the consumer group of a processor; first is that of the first, whose name is "".
func GroupOf(first, processor string) string {
	if processor == "" {
		return first
	}
	return first + "-" + processor
}

// Store has both sides of the outcomes: the processor writes them, the API reads them.
type Store interface {
	processor.Store
	Outcome(ctx context.Context, id event.Identity) (event.Outcome, bool, error)
	Check(ctx context.Context) error
}

// Assembly makes the parts of one program. They share its log and AWS's configuration, which is loaded when a part
// first needs it. Make one with New.
type Assembly struct {
	Log  *slog.Logger
	Sets processor.Sets // of handlers: the service's own, unless a program replaces them

	aws func() (aws.Config, error)
}

// New makes an Assembly. ctx bounds the loading of AWS's configuration.
func New(ctx context.Context, log *slog.Logger) *Assembly {
	return &Assembly{Log: log, Sets: handlers.Sets, aws: sync.OnceValues(func() (aws.Config, error) {
		cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(sdkLog{log}))
		if err != nil {
			return cfg, fmt.Errorf("load AWS configuration: %w", err)
		}
		return cfg, nil
	})}
}

// AWS is AWS's configuration, for clients that another package makes.
func (a *Assembly) AWS() (aws.Config, error) { return a.aws() }

// sdkLog writes the AWS SDK's log lines to the program's log.
type sdkLog struct{ log *slog.Logger }

func (l sdkLog) Logf(class logging.Classification, format string, v ...any) {
	level := slog.LevelDebug
	if class == logging.Warn {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "AWS SDK", "message", fmt.Sprintf(format, v...))
}

// Tracing sets up tracing as OTEL_* says. Lost spans are logged.
func (a *Assembly) Tracing(ctx context.Context, service string) (*tracing.Tracing, error) {
	t, err := tracing.Setup(ctx, os.LookupEnv, service, telemetry.Version())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", settings.ErrEnvironment, err)
	}
	tracing.LogLosses(a.Log)
	return t, nil
}

// KafkaConfig says how to reach the brokers. With IAM it looks for AWS credentials where the AWS SDK does: environment,
// shared files, the task's or function's role.
func (a *Assembly) KafkaConfig(s settings.Kafka, clientID string) (kafka.Config, error) {
	c := kafka.Config{Brokers: s.Brokers, Auth: kafka.Auth(s.Auth), ClientID: clientID}
	if c.Auth == kafka.AuthIAM {
		cfg, err := a.aws()
		if err != nil {
			return c, err
		}
		c.Credentials = cfg.Credentials
	}
	return c, c.Validate()
}

// ClientOptions are the options of a Kafka client that another package makes.
func (a *Assembly) ClientOptions(s settings.Kafka, clientID string) ([]kgo.Opt, error) {
	cfg, err := a.KafkaConfig(s, clientID)
	if err != nil {
		return nil, err
	}
	return kafka.Options(cfg)
}

// KafkaClient makes a client for administration. The caller closes it.
func (a *Assembly) KafkaClient(s settings.Kafka, clientID string) (*kgo.Client, error) {
	opts, err := a.ClientOptions(s, clientID)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("make Kafka client: %w", err)
	}
	return client, nil
}

// ReadSecrets reads secrets from AWS.
func (a *Assembly) ReadSecrets() (secrets.Read, error) {
	cfg, err := a.aws()
	if err != nil {
		return nil, err
	}
	return secrets.AWS(cfg), nil
}

// SecretDocument is a secret that is read and replaced as a whole.
func (a *Assembly) SecretDocument(id string) (*secrets.Document, error) {
	cfg, err := a.aws()
	if err != nil {
		return nil, err
	}
	return secrets.NewDocument(cfg, id), nil
}

// Store makes the store that the settings name, for one processor. "" is the first.
func (a *Assembly) Store(s settings.Store, processor string) (Store, error) {
	if s.Kind != "dynamodb" {
		return store.NewMemory(Retention(s)), nil
	}
	table, err := a.Table(s)
	if err != nil {
		return nil, err
	}
	return table.Of(processor), nil
}

// Table makes the store in DynamoDB, for the first processor.
func (a *Assembly) Table(s settings.Store) (*store.DynamoDB, error) {
	cfg, err := a.aws()
	if err != nil {
		return nil, err
	}
	return store.NewDynamoDB(cfg, s.Table, Retention(s)), nil
}

// Retention is how long a store remembers an event.
func Retention(s settings.Store) time.Duration { return cmp.Or(s.Retention, store.DefaultRetention) }

// Handlers is the set that PROCESSOR names. A name without a set is a wrong environment, in PROCESSOR_TOPICS as well.
func (a *Assembly) Handlers(env settings.Processor) (processor.Set, error) {
	set, err := a.Sets.Find(env.Name)
	if err != nil {
		return set, fmt.Errorf("%w:\nPROCESSOR=%q: %w", settings.ErrEnvironment, env.Name, err)
	}
	for _, name := range slices.Sorted(maps.Keys(env.Topics)) {
		if _, err := a.Sets.Find(name); err != nil {
			return set, fmt.Errorf("%w:\nPROCESSOR_TOPICS names %q: %w", settings.ErrEnvironment, name, err)
		}
	}
	return set, nil
}
