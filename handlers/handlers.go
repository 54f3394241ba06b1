// Package handlers is yours: what happens to an event, and what that needs. Every program that processes events takes
// its handlers from here: the function, the local run and eventctl.
package handlers

import (
	"context"

	"event-processing-service/processor"
)

// Sets are the processors that read the topic, each with handlers, a consumer group, dead letters and outcomes of its
// own. The first has no name. Another is a line more, and runs where PROCESSOR has its name:
//
//	{Name: "audit", Register: registerAudit},
var Sets = processor.Sets{
	{Register: Register},
}

// Register registers the handlers by event type. It is called once, when the program starts, so clients of other
// systems are made here: an error stops the start with its reason. closeAll closes those clients after the last event.
//
//	client, err := warehouse.Connect(ctx)
//	if err != nil {
//		return nil, fmt.Errorf("connect to the warehouse: %w", err)
//	}
//	deps.Check("warehouse", client.Ping)
//	processor.On(mux, "order.created", func(ctx context.Context, e event.Event, order Order) error {
//		return client.Reserve(ctx, e.Source+" "+e.ID, order) // the event's identity makes a repeated call harmless
//	})
//	return client.Close, nil
//
// An event without a handler is recorded in the store, exactly once, and GET /v1/events/{id} tells so.
func Register(_ context.Context, _ *processor.Mux, _ *processor.Deps) (closeAll func(), err error) {
	return func() {}, nil
}
