package event_test

import (
	"errors"
	"fmt"
	"testing"

	"event-processing-service/internal/event"
)

func TestEachErrorHasOneName(t *testing.T) {
	_, malformed := event.ParseStructured([]byte("{"))
	_, invalid := event.ParseStructured([]byte("{}"))
	_, unsupported := event.DetectMode("text/plain", false)
	for want, err := range map[event.Failure]error{
		"":                       nil,
		"malformed-request":      malformed,
		"invalid-event":          invalid,
		"unsupported-media-type": unsupported,
		"not-sent":               &event.PublishError{Failure: event.FailureNotSent, Err: errors.New("full")},
		"kafka-refuses":          &event.PublishError{Failure: event.FailureKafkaRefuses, Err: errors.New("no topic")},
		"event-too-large":        &event.PublishError{Failure: event.FailureTooLarge, Err: errors.New("2 MB")},
		"outcome-unknown":        &event.PublishError{Failure: event.FailureOutcomeUnknown, Err: errors.New("no answer")},
		"internal-error":         errors.New("anything else"),
	} {
		if err != nil {
			err = fmt.Errorf("publish: %w", err)
		}
		if got := event.FailureOf(err); got != want {
			t.Errorf("%v is called %q, want %q", err, got, want)
		}
	}
}
