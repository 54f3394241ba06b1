package processor

import (
	"errors"
	"fmt"
	"time"

	"event-processing-service/schemas"
)

// Config says how hard the processor tries.
type Config struct {
	// Name is the processor's among those that read the topic. "": it is the first.
	Name string

	// MaxAttempts is how often a handler is called for one event, over all deliveries, before the event goes to the dead
	// letter topic.
	MaxAttempts int

	// AttemptTimeout bounds one call of a handler.
	AttemptTimeout time.Duration

	// The pause before attempt n+1 is random between half of BackoffBase × 2ⁿ⁻¹ and all of it, at most BackoffCap. It is a
	// twentieth of that after the first failure, and ends early where the handler succeeds with another event meanwhile.
	BackoffBase, BackoffCap time.Duration

	// Margin is kept from the end of the invocation for what must not be cut off: half of it for handlers to notice that
	// their context ended, the rest for dead letters, the store and the answer. An invocation shorter than 2 × Margin
	// keeps half of its time instead.
	Margin time.Duration

	// Concurrency is how many keys are worked on side by side.
	Concurrency int

	// PartialBatchResponse answers with the records that are not finished instead of an error. The event source mapping
	// must have ReportBatchItemFailures set, which needs its provisioned mode: else it takes the answer for a success,
	// and the records are lost.
	PartialBatchResponse bool

	// ForeignIDMember names the member of a JSON object that is the id of a record without CloudEvents attributes. "": its
	// place is. The id of a body is as a rule that of an entity, which many events share.
	ForeignIDMember string

	// Schemas are held against the data of events before their handlers are called, and of follow-ups. nil: none. An event
	// that breaks the schema of its type is a dead letter at once; with SchemasWarn it is only logged.
	Schemas     *schemas.Set
	SchemasWarn bool

	// Opener decrypts data for the handlers. nil: an event with encrypted data is a dead letter at once.
	Opener Opener

	// DeadLetterTopic is written into the records that DeadLetters gets.
	DeadLetterTopic string
}

// DefaultConfig fits a Lambda function with a timeout of a minute or more.
func DefaultConfig() Config {
	return Config{
		MaxAttempts:    5,
		AttemptTimeout: 10 * time.Second, // five attempts that time out hold up their partition for a minute
		// Pauses of 0.1, 4, 8 and 16 s at most, half of that at least. What a handler needs may be away for 14 s, such as for
		// a deployment, a leader election or a failover of Aurora, and no event is given up.
		BackoffBase: 2 * time.Second,
		BackoffCap:  30 * time.Second,
		// The producer of dead letters connects when it is first needed, which takes about a second with TLS and IAM; its
		// part of the margin, 2.5 s less the answer, should hold two tries.
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

// lease is how long an event is kept from others after its process has last said that it works on it, which it says
// every margin while a handler runs. So a margin may have gone when the handler ends; to that come half a margin of
// patience with one that does not stop, a margin for the dead letter or the store, and half a margin by which clocks
// may differ.
func (c Config) lease() time.Duration { return 3 * c.Margin }
