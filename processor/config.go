package processor

import (
	"errors"
	"fmt"
	"time"

	"event-processing-service/schemas"
)

// Config says how hard and how long the processor tries.
type Config struct {
	// Name tells the processors apart that read one topic. "": the first.
	Name string

	// MaxAttempts is how often a handler is called for one event, over all deliveries, before the event goes to the dead
	// letter topic.
	MaxAttempts int

	// AttemptTimeout bounds one call of a handler.
	AttemptTimeout time.Duration

	// The pause before attempt n+1 is random, at least half of BackoffBase × 2ⁿ⁻¹ and at most all of it, or BackoffCap.
	// After the first failure it is a twentieth of that. It ends early if the handler succeeds with another event
	// meanwhile.
	BackoffBase, BackoffCap time.Duration

	// Margin is kept at the end of the invocation for what must not be interrupted: half of it for handlers to notice
	// that their context ended, the rest for dead letters, the store and the answer. An invocation shorter than 2 ×
	// Margin keeps half of its time instead.
	Margin time.Duration

	// Concurrency is how many keys are processed at the same time.
	Concurrency int

	// PartialBatchResponse returns the unfinished records instead of an error. The event source mapping must have
	// ReportBatchItemFailures set, which needs provisioned mode. Otherwise it takes the answer for a success, and the
	// records are lost.
	PartialBatchResponse bool

	// ForeignIDMember names the member of a JSON object that is the id of a record without CloudEvents attributes. "":
	// the record's place is its id. An "id" in a body is usually that of an entity, which many events share.
	ForeignIDMember string

	// Schemas check the data of events before their handlers are called, and of follow-ups. nil: no check. An event that
	// breaks the schema of its type becomes a dead letter at once; with SchemasWarn this is only logged.
	Schemas     *schemas.Set
	SchemasWarn bool

	// Opener decrypts data for the handlers. nil: an event with encrypted data becomes a dead letter at once.
	Opener Opener

	// DeadLetterTopic is the topic of the records that DeadLetters gets.
	DeadLetterTopic string
}

// DefaultConfig is for a Lambda function with a timeout of a minute or more.
func DefaultConfig() Config {
	return Config{
		MaxAttempts:    5,
		AttemptTimeout: 10 * time.Second, // five attempts that time out delay their partition by a minute
		// Pauses of at most 0.1, 4, 8 and 16 s, and at least half of that. So no event is given up if a system that a
		// handler needs is away for 14 s, as during a deployment, a leader election or a failover of Aurora.
		BackoffBase: 2 * time.Second,
		BackoffCap:  30 * time.Second,
		// The producer of dead letters connects when it is first needed, which takes about a second with TLS and IAM. Its
		// part of the margin, 2.5 s less the answer, has room for two attempts.
		Margin:          5 * time.Second,
		Concurrency:     64, // a batch of 200 records at 5 ms a write takes 20 ms, not a second
		DeadLetterTopic: "events.dlq",
	}
}

// Validate returns every problem of the configuration, joined, or nil.
func (c Config) Validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(c.MaxAttempts >= 1 && c.MaxAttempts <= 1000, "max attempts must be 1 to 1000, not %d", c.MaxAttempts)
	check(c.AttemptTimeout > 0, "attempt timeout must be above 0, not %s", c.AttemptTimeout)
	check(c.BackoffBase > 0, "backoff base must be above 0, not %s", c.BackoffBase)
	check(c.BackoffCap >= c.BackoffBase,
		"backoff cap must be at least the base of %s, not %s", c.BackoffBase, c.BackoffCap)
	check(c.Margin > 0, "margin must be above 0, not %s", c.Margin)
	check(c.Concurrency >= 1 && c.Concurrency <= 10_000, "concurrency must be 1 to 10000, not %d", c.Concurrency)
	check(c.DeadLetterTopic != "", "dead letter topic must not be empty")
	return errors.Join(problems...)
}

// lease is how long an event is reserved after its process last renewed it, which it does every margin while a handler
// runs. When the handler ends, the last renewal may be a margin ago. Added to that are half a margin of patience with
// a handler that does not stop, a margin for the dead letter or the store, and half a margin for the difference of
// clocks.
func (c Config) lease() time.Duration { return 3 * c.Margin }
