// Package wiring builds the parts from the settings, in the same way for each program.
package wiring

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/store"
	"event-processing-service/processor"
)

// ConsumerGroup is the processor's on a laptop. In the cloud it has the stack's name in it.
const ConsumerGroup = "event-processing-service-event-processor"

// Store is both sides of what became of events: the processor writes, the API reads.
type Store interface {
	processor.Store
	Outcome(ctx context.Context, id event.Identity) (event.Outcome, bool, error)
	Check(ctx context.Context) error
}

// KafkaConfig says how to reach the brokers. With IAM it looks for AWS credentials where the AWS SDK does: environment,
// shared files, the task's or function's role.
func KafkaConfig(ctx context.Context, s settings.Kafka, clientID string) (kafka.Config, error) {
	c := kafka.Config{Brokers: s.Brokers, Auth: s.Auth, ClientID: clientID}
	if s.Auth == kafka.AuthIAM {
		cfg, err := loadAWS(ctx)
		if err != nil {
			return c, err
		}
		c.Credentials = cfg.Credentials
	}
	return c, c.Validate()
}

func loadAWS(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return cfg, fmt.Errorf("load AWS configuration: %w", err)
	}
	return cfg, nil
}

// ClientOptions are those of a client that is made elsewhere.
func ClientOptions(ctx context.Context, s settings.Kafka, clientID string) ([]kgo.Opt, error) {
	cfg, err := KafkaConfig(ctx, s, clientID)
	if err != nil {
		return nil, err
	}
	return kafka.Options(cfg)
}

// KafkaClient makes a client for administration. The caller closes it.
func KafkaClient(ctx context.Context, s settings.Kafka) (*kgo.Client, error) {
	opts, err := ClientOptions(ctx, s, "eventctl")
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(opts...)
}

// NewPublisher makes the API's publisher. Options in extra are added to its client.
func NewPublisher(ctx context.Context, s settings.API, extra ...kgo.Opt) (*kafka.Publisher, error) {
	cfg, err := KafkaConfig(ctx, s.Kafka, "api")
	if err != nil {
		return nil, err
	}
	return kafka.NewPublisher(cfg, kafka.ProducerConfig{Timeout: s.PublishTimeout}, s.Kafka.Topic, extra...)
}

// NewStore makes the store that the settings name.
func NewStore(ctx context.Context, s settings.Store) (Store, error) {
	if s.Kind != "dynamodb" {
		return store.NewMemory(store.DefaultRetention), nil
	}
	return NewDynamoDB(ctx, s)
}

// NewDynamoDB makes the store in a table.
func NewDynamoDB(ctx context.Context, s settings.Store) (*store.DynamoDB, error) {
	cfg, err := loadAWS(ctx)
	if err != nil {
		return nil, err
	}
	return store.NewDynamoDB(cfg, s.Table, store.DefaultRetention), nil
}

// NewProcessor makes the processor with the service's handlers. close ends its connections.
func NewProcessor(ctx context.Context, s settings.Processor, events processor.Store, log *slog.Logger) (p *processor.Processor, close func(), err error) {
	cfg, err := KafkaConfig(ctx, s.Kafka, "processor")
	if err != nil {
		return nil, nil, err
	}
	deadLetters := kafka.NewRecordPublisher(cfg, kafka.ProducerConfig{})
	pc := processor.DefaultConfig()
	pc.MaxAttempts = s.MaxAttempts
	pc.PartialBatchResponse = s.PartialBatchResponse
	pc.DeadLetterTopic = s.DeadLetterTopic
	p, err = processor.New(pc, processor.Handlers(), events, deadLetters, log)
	return p, deadLetters.Close, err
}
