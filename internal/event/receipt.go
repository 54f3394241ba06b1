package event

// Receipt says what Kafka made of one event that was to be published.
type Receipt struct {
	Topic     string
	Partition int32
	Offset    int64
	Err       error // nil: every in-sync replica has it; else a *PublishError
}

// Failure is why an event was not acknowledged. Its words are the label of the metric, too.
type Failure string

// What a client may do next hangs on which of these it was.
const (
	// FailureNeverSent: no broker was ever given the event. A retry can't make a copy.
	FailureNeverSent Failure = "never-sent"
	// FailureRejected: Kafka refused it for a reason that a retry does not mend, such as a missing right or topic.
	FailureRejected Failure = "rejected"
	// FailureTooLarge: it exceeds the topic's max.message.bytes. A retry does not mend that.
	FailureTooLarge Failure = "too-large"
	// FailureOutcomeUnknown: it may be stored or not. A retry with the same source and id is safe: a copy is dropped.
	FailureOutcomeUnknown Failure = "outcome-unknown"
)

// Retryable tells whether sending the same event again can help.
func (f Failure) Retryable() bool { return f == FailureNeverSent || f == FailureOutcomeUnknown }

// PublishError is the error of a Receipt.
type PublishError struct {
	Failure Failure
	Err     error
}

func (e *PublishError) Error() string { return string(e.Failure) + ": " + e.Err.Error() }

func (e *PublishError) Unwrap() error { return e.Err }
