package metrics

import (
	"errors"

	"event-processing-service/internal/event"
)

// failureOf is the word of a receipt's error, which is a label: there are few.
func failureOf(err error) string {
	var failure *event.PublishError
	if errors.As(err, &failure) {
		return string(failure.Failure)
	}
	return "other"
}
