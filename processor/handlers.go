package processor

// Handlers is where the service's own handlers are registered: the function, the local run and eventctl all take them
// from here. An event without a handler is recorded in the store, exactly once, and GET /v1/events/{id} tells so.
//
//	mux.HandleFunc("order.created", func(ctx context.Context, e event.Event) error {
//		return warehouse.Reserve(ctx, e.ID, e.Data) // e.ID makes a repeated call harmless
//	})
func Handlers() *Mux {
	mux := &Mux{}
	return mux
}
