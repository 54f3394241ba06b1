package event

import "errors"

// Receipt says what Kafka made of one event that was to be published.
type Receipt struct {
	Place
	Err error // nil: every in-sync replica has it; else a *PublishError
}

// Failure is why an event was not taken: the name of the problem that its client is told, and the reason in metrics and
// spans. There are few, and they are kept for ever.
type Failure string

// What a client may do next depends on which of these it was.
const (
	// FailureMalformed: the body is not the JSON that it should be.
	FailureMalformed Failure = "malformed-request"
	// FailureInvalid: it can be read, and is not a valid CloudEvent.
	FailureInvalid Failure = "invalid-event"
	// FailureUnsupportedMedia: no wire format has its Content-Type.
	FailureUnsupportedMedia Failure = "unsupported-media-type"
	// FailureNotSent: no broker was ever given the event. A retry can't make a copy.
	FailureNotSent Failure = "not-sent"
	// FailureKafkaRefuses: Kafka refuses it for a reason that a retry does not remove, such as a missing right or topic.
	FailureKafkaRefuses Failure = "kafka-refuses"
	// FailureTooLarge: it exceeds the topic's max.message.bytes, and always will.
	FailureTooLarge Failure = "event-too-large"
	// FailureOutcomeUnknown: it may be stored or not. A retry with the same source and id is safe: a copy is dropped.
	FailureOutcomeUnknown Failure = "outcome-unknown"
	// FailureKeysUnavailable: its data is to be encrypted, and the keys can't be read now. It was not sent.
	FailureKeysUnavailable Failure = "keys-unavailable"
	// FailureInternal is every other error: a fault of this program.
	FailureInternal Failure = "internal-error"
)

// FailureOf classifies an error of reading or publishing an event; "" is for nil.
func FailureOf(err error) Failure {
	var (
		publish *PublishError
		syntax  *SyntaxError
		invalid *InvalidError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &publish):
		return publish.Failure
	case errors.As(err, &syntax):
		return FailureMalformed
	case errors.As(err, &invalid):
		return FailureInvalid
	case errors.Is(err, ErrUnsupportedMedia):
		return FailureUnsupportedMedia
	}
	return FailureInternal
}

// PublishError is the error of a Receipt.
type PublishError struct {
	Failure Failure // one of those that concern Kafka, or the keys
	Err     error
}

func (e *PublishError) Error() string { return string(e.Failure) + ": " + e.Err.Error() }

func (e *PublishError) Unwrap() error { return e.Err }
