package kafka

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/event"
)

// classify says what a produce error means to the caller that wants the event stored. It says never-sent only where
// that is certain, as a client may then use another id; anything else is unknown. written tells whether a produce
// request left this process after the record was ready to go with it.
//
// The library's own words are not enough: it fails a record by kgo.ErrRecordTimeout, too, after a leader had it and
// answered NOT_LEADER, and the new leader may have it by then.
func classify(err error, written bool) *event.PublishError {
	failure := event.FailureOutcomeUnknown
	switch {
	case errors.Is(err, kgo.ErrMaxBuffered):
		failure = event.FailureNotSent
	case tooLarge(err):
		failure = event.FailureTooLarge
	case errors.Is(err, kerr.TopicAuthorizationFailed),
		errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.SaslAuthenticationFailed),
		errors.Is(err, kerr.UnknownTopicOrPartition),
		errors.Is(err, kerr.InvalidTopicException),
		invalidRecord(err),
		errors.Is(err, kerr.PolicyViolation):
		failure = event.FailureKafkaRefuses
	case !written && !errors.Is(err, kgo.ErrClientClosed): // closing fails records also while a request is being written
		failure = event.FailureNotSent
	}
	return &event.PublishError{Failure: failure, Err: err}
}

// RefusesRecord reports that a broker refuses this record, or that it is too large for the client, while the topic
// takes others.
func RefusesRecord(err error) bool { return tooLarge(err) || invalidRecord(err) }

// invalidRecord is what a broker says of a record without a key for a compacted topic, and of a time that is too far
// off.
func invalidRecord(err error) bool {
	return errors.Is(err, kerr.InvalidRecord) || errors.Is(err, kerr.InvalidTimestamp)
}

// tooLarge reports the client's limit or the broker's. The broker's holds for a batch: each record of one that is too
// large gets this error.
func tooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// produceWrites counts the produce requests of which at least a byte left this process.
type produceWrites struct{ n atomic.Int64 }

// OnBrokerWrite is called before anything is made of the request's answer, so a record that failed because of a request
// finds it counted.
func (w *produceWrites) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, bytesWritten int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.Produce) && bytesWritten > 0 {
		w.n.Add(1)
	}
}
