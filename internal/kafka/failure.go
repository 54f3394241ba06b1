package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// classify says what a produce error means for the one who wants the event stored. Never-sent is said only where it is
// sure, as a client may then use another id; what is not known is unknown.
func classify(err error) *event.PublishError {
	failure := event.FailureOutcomeUnknown
	switch {
	case errors.Is(err, kgo.ErrMaxBuffered):
		failure = event.FailureNeverSent
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		failure = event.FailureTooLarge
	case errors.Is(err, kerr.TopicAuthorizationFailed),
		errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.SaslAuthenticationFailed),
		errors.Is(err, kerr.UnknownTopicOrPartition),
		errors.Is(err, kerr.InvalidTopicException),
		errors.Is(err, kerr.InvalidRecord),
		errors.Is(err, kerr.PolicyViolation):
		failure = event.FailureRejected
	}
	return &event.PublishError{Failure: failure, Err: err}
}

// errorOf turns a Kafka error code into an error, 0 into nil.
func errorOf(code int16) error { return kerr.ErrorForCode(code) }
