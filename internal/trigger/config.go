package trigger

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The defaults and limits of an event source mapping for MSK.
//
// Source: AWS Lambda API Reference, CreateEventSourceMapping; AWS Lambda Developer Guide, "Using Lambda with Amazon
// MSK" and "Configuring error handling controls for Kafka event sources".
const (
	DefaultBatchSize       = 100
	MaxBatchSize           = 10_000
	DefaultBatchWindow     = 500 * time.Millisecond
	MaxBatchWindow         = 300 * time.Second
	DefaultMaxPayloadBytes = 6 << 20 // 6 MB, the limit of a synchronous invocation
	DefaultFunctionTimeout = 3 * time.Second
	MaxFunctionTimeout     = 14 * time.Minute

	maxConsumerGroup = 200
)

const (
	defaultShutdownGrace = 10 * time.Second
	// A partition that is being revoked waits for its running invocation, as a shutdown does. The wait must end well
	// within the group's session and rebalance timeouts (45 s and 60 s), or the group removes the member.
	maxShutdownGrace = 30 * time.Second

	defaultRetryBackoff    = 200 * time.Millisecond
	defaultMaxRetryBackoff = 10 * time.Second
)

// Config is the configuration of an event source mapping. Durations and sizes of 0 stand for the defaults.
type Config struct {
	// Topic is the one topic that the mapping reads. Required.
	Topic string
	// ConsumerGroup is the group whose offsets say what is done, up to 200 characters. Required. A group without commits
	// starts at the earliest record (TRIM_HORIZON).
	ConsumerGroup string
	// Source is what the payload tells about the cluster.
	Source Source
	// ClientOptions say how to reach the brokers: seed brokers, authentication, TLS, hooks. The mapping's own options for
	// the consumer group override them.
	ClientOptions []kgo.Opt

	// BatchSize is the largest number of records of one invocation, up to 10,000; default 100.
	BatchSize int
	// BatchWindow is how long the first record of a batch waits for others, up to 300 s; default 500 ms.
	BatchWindow time.Duration
	// MaxPayloadBytes bounds the JSON payload of one invocation. The default is the maximum, 6 MB, as in AWS.
	MaxPayloadBytes int
	// FunctionTimeout is the deadline of an invocation, up to 14 min; default 3 s, as for a new function.
	FunctionTimeout time.Duration
	// ReportBatchItemFailures lets the function answer with a partial batch response (FunctionResponseTypes). AWS
	// supports that in provisioned mode only. Without it a failed batch is retried as a whole.
	ReportBatchItemFailures bool

	// RetryBackoff is the wait before the first retry. It doubles up to MaxRetryBackoff. The defaults are 200 ms and 10
	// s; AWS does not document its own.
	RetryBackoff, MaxRetryBackoff time.Duration
	// ShutdownGrace is how long a running invocation may continue when the context of Run ends, or when its partition
	// moves to another consumer; up to 30 s, default 10 s. What has not ended by then is not committed.
	ShutdownGrace time.Duration

	// Logger gets failed invocations, what the mapping waits for, and rebalances; never keys, values or headers.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.BatchSize = cmp.Or(c.BatchSize, DefaultBatchSize)
	c.BatchWindow = cmp.Or(c.BatchWindow, DefaultBatchWindow)
	c.MaxPayloadBytes = cmp.Or(c.MaxPayloadBytes, DefaultMaxPayloadBytes)
	c.FunctionTimeout = cmp.Or(c.FunctionTimeout, DefaultFunctionTimeout)
	c.RetryBackoff = cmp.Or(c.RetryBackoff, defaultRetryBackoff)
	c.MaxRetryBackoff = cmp.Or(c.MaxRetryBackoff, max(defaultMaxRetryBackoff, c.RetryBackoff))
	c.ShutdownGrace = cmp.Or(c.ShutdownGrace, defaultShutdownGrace)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports all problems of the config at once, each with the setting's name and its allowed values.
func (c Config) Validate() error {
	c = c.withDefaults()
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(c.Topic != "", "Topic: is required")
	check(c.ConsumerGroup != "" && len(c.ConsumerGroup) <= maxConsumerGroup,
		"ConsumerGroup: has %d characters, want 1 to %d", len(c.ConsumerGroup), maxConsumerGroup)
	check(c.BatchSize >= 1 && c.BatchSize <= MaxBatchSize,
		"BatchSize: is %d, want 1 to %d", c.BatchSize, MaxBatchSize)
	check(c.BatchWindow > 0 && c.BatchWindow <= MaxBatchWindow,
		"BatchWindow: is %v, want up to %v", c.BatchWindow, MaxBatchWindow)
	check(c.MaxPayloadBytes > 0 && c.MaxPayloadBytes <= DefaultMaxPayloadBytes,
		"MaxPayloadBytes: is %d, want 1 to %d", c.MaxPayloadBytes, DefaultMaxPayloadBytes)
	check(c.FunctionTimeout > 0 && c.FunctionTimeout <= MaxFunctionTimeout,
		"FunctionTimeout: is %v, want up to %v", c.FunctionTimeout, MaxFunctionTimeout)
	check(c.RetryBackoff > 0 && c.RetryBackoff <= c.MaxRetryBackoff,
		"RetryBackoff: is %v, want more than 0 and at most MaxRetryBackoff, %v", c.RetryBackoff, c.MaxRetryBackoff)
	check(c.ShutdownGrace > 0 && c.ShutdownGrace <= maxShutdownGrace,
		"ShutdownGrace: is %v, want up to %v", c.ShutdownGrace, maxShutdownGrace)
	return errors.Join(problems...)
}
