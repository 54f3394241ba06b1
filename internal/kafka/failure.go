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

// classify says what a produce error means for the one who wants the event stored. Never-sent is said only where it is
// sure, as a client may then use another id; what is not known is unknown. written tells whether any produce request left
// this process since the record was there to go with it.
//
// The library's own words are not enough: it fails a record by kgo.ErrRecordTimeout, too, after a leader had it and
// answered NOT_LEADER, and the new leader may have it by then.
func classify(err error, written bool) *event.PublishError {
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
		errors.Is(err, kerr.InvalidTimestamp),
		errors.Is(err, kerr.PolicyViolation):
		failure = event.FailureRejected
	case !written && !errors.Is(err, kgo.ErrClientClosed): // closing fails records also while a request is being written
		failure = event.FailureNeverSent
	}
	return &event.PublishError{Failure: failure, Err: err}
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
