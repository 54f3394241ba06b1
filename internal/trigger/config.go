package trigger

import (
	"cmp"
	"errors"
	"fmt"
	"io"
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
	MaxRetryAttempts       = 10_000
	MinRecordAge           = 60 * time.Second
	MaxRecordAge           = 7 * 24 * time.Hour

	maxConsumerGroup = 200
)

const (
	defaultShutdownGrace = 10 * time.Second
	// A partition that is being taken away waits for its running invocation as long as a shutdown does. It has to end
	// well within the group's session and rebalance timeouts (45 s and 60 s), or the group throws the member out.
	maxShutdownGrace = 30 * time.Second

	defaultRetryBackoff    = 200 * time.Millisecond
	defaultMaxRetryBackoff = 10 * time.Second
)

// Config is what an event source mapping is created with. Durations and sizes of 0 are the defaults.
type Config struct {
	// Topic is the one topic that the mapping reads. Required.
	Topic string
	// ConsumerGroup is the group whose offsets say what is done, up to 200 characters. Required. A group that has
	// committed nothing starts at the earliest record (TRIM_HORIZON).
	ConsumerGroup string
	// Source is what the payload says about the cluster.
	Source Source
	// Function is what the records of the on-failure destination say about the function.
	Function Function
	// ClientOptions are how the brokers are reached: seed brokers, authentication, TLS, hooks. The options of the
	// consumer group are the mapping's own and win.
	ClientOptions []kgo.Opt

	// BatchSize is the largest number of records of one invocation, up to 10,000; default 100.
	BatchSize int
	// BatchWindow is how long the first record of a batch waits for others, up to 300 s; default 500 ms.
	BatchWindow time.Duration
	// MaxPayloadBytes limits the JSON payload of one invocation; default and most 6 MB, as on AWS.
	MaxPayloadBytes int
	// FunctionTimeout is the deadline of an invocation, up to 14 min; default 3 s, as of a new function.
	FunctionTimeout time.Duration
	// Concurrency is how many invocations may run at the same time; default 1, which is what one execution environment
	// can do. More than one is used only beside failing partitions.
	Concurrency int

	// RetryBackoff is the wait before the first retry; it doubles up to MaxRetryBackoff. Defaults 200 ms and 10 s; AWS
	// does not document its own.
	RetryBackoff, MaxRetryBackoff time.Duration
	// ShutdownGrace is how long a running invocation may go on when the context of Run ends, or when its partition is
	// moved to another consumer; up to 30 s, default 10 s. What has not ended by then is not committed.
	ShutdownGrace time.Duration

	// Provisioned has the settings that AWS allows in provisioned mode only. Nil is on-demand mode: a failed batch is
	// retried until it succeeds.
	Provisioned *Provisioned

	// Logger is told of failed invocations, discarded records and rebalances; never of keys, values or headers.
	Logger *slog.Logger
}

// Provisioned has the error handling controls that need provisioned mode.
//
// Source: AWS Lambda Developer Guide, "Configuring error handling controls for Kafka event sources".
type Provisioned struct {
	// ReportBatchItemFailures reads the function's answer as a partial batch response (FunctionResponseTypes).
	ReportBatchItemFailures bool
	// BisectBatchOnFunctionError splits a failed batch in two and retries each half.
	BisectBatchOnFunctionError bool
	// MaximumRetryAttempts is how often records are retried before they are discarded, 0 to 10,000. Nil and -1 are
	// without end; with OnFailure they are 10, as on AWS.
	MaximumRetryAttempts *int
	// MaximumRecordAge is the age, by the record's timestamp, from which a record is discarded and not sent to the
	// function: 60 s to 7 days. 0 and below are without end.
	MaximumRecordAge time.Duration
	// OnFailure takes one JSON line for each discarded record, in the form in which AWS writes them to a Kafka topic,
	// with the record itself as an event in `payload`. Nil discards without a trace but a line in the log. A record
	// whose line cannot be written is not discarded: the mapping tries again.
	OnFailure io.Writer
}

// cappedRetries is the end that AWS puts to infinite retries where there is an on-failure destination.
const cappedRetries = 10

// retryLimit gives the number of retries after which records are discarded, if they ever are.
func (p *Provisioned) retryLimit() (limit int, limited bool) {
	switch {
	case p == nil:
		return 0, false
	case p.MaximumRetryAttempts != nil && *p.MaximumRetryAttempts >= 0:
		return *p.MaximumRetryAttempts, true
	default:
		return cappedRetries, p.OnFailure != nil
	}
}

func (c Config) withDefaults() Config {
	c.BatchSize = cmp.Or(c.BatchSize, DefaultBatchSize)
	c.BatchWindow = cmp.Or(c.BatchWindow, DefaultBatchWindow)
	c.MaxPayloadBytes = cmp.Or(c.MaxPayloadBytes, DefaultMaxPayloadBytes)
	c.FunctionTimeout = cmp.Or(c.FunctionTimeout, DefaultFunctionTimeout)
	c.Concurrency = cmp.Or(c.Concurrency, 1)
	c.RetryBackoff = cmp.Or(c.RetryBackoff, defaultRetryBackoff)
	c.MaxRetryBackoff = cmp.Or(c.MaxRetryBackoff, max(defaultMaxRetryBackoff, c.RetryBackoff))
	c.ShutdownGrace = cmp.Or(c.ShutdownGrace, defaultShutdownGrace)
	c.Function = c.Function.withDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports every problem of the config at once, each with the setting's name and what it may be.
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
	check(c.Concurrency >= 1, "Concurrency: is %d, want 1 or more", c.Concurrency)
	check(c.RetryBackoff > 0 && c.RetryBackoff <= c.MaxRetryBackoff,
		"RetryBackoff: is %v, want more than 0 and at most MaxRetryBackoff, %v", c.RetryBackoff, c.MaxRetryBackoff)
	check(c.ShutdownGrace > 0 && c.ShutdownGrace <= maxShutdownGrace,
		"ShutdownGrace: is %v, want up to %v", c.ShutdownGrace, maxShutdownGrace)
	if p := c.Provisioned; p != nil {
		if n := p.MaximumRetryAttempts; n != nil {
			check(*n >= -1 && *n <= MaxRetryAttempts,
				"MaximumRetryAttempts: is %d, want 0 to %d, or -1 for no limit", *n, MaxRetryAttempts)
		}
		check(p.MaximumRecordAge <= 0 || p.MaximumRecordAge >= MinRecordAge && p.MaximumRecordAge <= MaxRecordAge,
			"MaximumRecordAge: is %v, want %v to %v, or -1 for no limit", p.MaximumRecordAge, MinRecordAge, MaxRecordAge)
	}
	return errors.Join(problems...)
}
