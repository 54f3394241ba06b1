package main

import (
	"context"
	"errors"
	"testing"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
	"event-processing-service/processor/processortest"
)

// failing is the handler that docs/tour.md breaks.
func failing(mux *processor.Mux) {
	mux.HandleFunc("order.created", func(context.Context, event.Event) error {
		return processor.Permanent(errors.New("nobody reserves anything yet"))
	})
}

func TestTheHandlerOfTheTourLeavesADeadLetterAtOnce(t *testing.T) {
	processortest.Run(t, processortest.Mux(failing), func(k *processortest.Kit) {
		e := event.Event{ID: "1", Source: "/shop", Type: "order.created"}
		k.Deliver(e)
		k.ExpectDeadLetter(e, "nobody reserves anything yet")
	})
}
