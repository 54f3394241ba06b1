package processor

import (
	"errors"
	"fmt"
	"time"
)

// Config says how hard the processor tries.
type Config struct {
	// MaxAttempts is how often a handler is called for one event, over all deliveries, before the event goes to the dead
	// letter topic.
	MaxAttempts int

	// AttemptTimeout bounds one call of a handler. The event is leased for AttemptTimeout + 3 × Margin, which is also how
	// long the work of a process that died stays untouched.
	AttemptTimeout time.Duration

	// The pause before attempt n+1 is random between 0 and BackoffBase × 2ⁿ⁻¹, at most BackoffCap: "full jitter", so that
	// events which failed together do not come back together.
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

	// DeadLetterTopic is written into the records that DeadLetters gets.
	DeadLetterTopic string
}

// DefaultConfig fits a Lambda function with a timeout of a minute or more.
func DefaultConfig() Config {
	return Config{
		MaxAttempts:    5,
		AttemptTimeout: 30 * time.Second,
		BackoffBase:    100 * time.Millisecond, // pauses of 0.05 + 0.1 + 0.2 + 0.4 s on average: a hiccup is over by then
		BackoffCap:     5 * time.Second,
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
	check(c.BackoffCap >= c.BackoffBase, "backoff cap must be at least the base of %s, not %s", c.BackoffBase, c.BackoffCap)
	check(c.Margin > 0, "margin must be above 0, not %s", c.Margin)
	check(c.Concurrency >= 1 && c.Concurrency <= 10_000, "concurrency must be 1 to 10000, not %d", c.Concurrency)
	check(c.DeadLetterTopic != "", "dead letter topic must not be empty")
	return errors.Join(problems...)
}

// lease covers the longest attempt, half a margin of patience with a handler that does not stop, a margin for the dead
// letter, a margin for the store, and leaves half a margin for clocks that differ.
func (c Config) lease() time.Duration { return c.AttemptTimeout + 3*c.Margin }
