package event

import "errors"

// Receipt says what Kafka did with one published event.
type Receipt struct {
	Place
	Err error // nil: every in-sync replica has it; else a *PublishError
}

// Failure is why an event was not accepted: the name of the problem that the client sees, and a label in metrics and
// spans. There are few of them, and they never change.
type Failure string

// What a client may do next depends on which of these it was.
const (
	// FailureMalformed: the body is not valid JSON.
	FailureMalformed Failure = "malformed-request"
	// FailureInvalid: the body is JSON, and not a valid CloudEvent.
	FailureInvalid Failure = "invalid-event"
	// FailureUnsupportedMedia: the Content-Type is no wire format of events.
	FailureUnsupportedMedia Failure = "unsupported-media-type"
	// FailureNotSent: no broker got the event. A retry can't make a copy.
	FailureNotSent Failure = "not-sent"
	// FailureKafkaRefuses: Kafka refuses the event, and a retry won't help: a right or a topic is missing.
	FailureKafkaRefuses Failure = "kafka-refuses"
	// FailureTooLarge: the event exceeds the topic's max.message.bytes.
	FailureTooLarge Failure = "event-too-large"
	// FailureOutcomeUnknown: the event may be stored. A retry with the same source and id is safe: a copy is dropped.
	FailureOutcomeUnknown Failure = "outcome-unknown"
	// FailureKeysUnavailable: the data is to be encrypted, and the keys can't be read now. The event was not sent.
	FailureKeysUnavailable Failure = "keys-unavailable"
	// FailureInternal is any other error: a fault of this program.
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
	Failure Failure // one that concerns Kafka or the keys
	Err     error
}

func (e *PublishError) Error() string { return string(e.Failure) + ": " + e.Err.Error() }

func (e *PublishError) Unwrap() error { return e.Err }
