package programtest

import (
	"context"

	"event-processing-service/handlers"
	"event-processing-service/processor"
)

// WithoutHandlers lets the programs of this process have no handlers but those of their tests: what a team's own
// handlers demand at the start, such as a secret, is nothing that these tests have.
func WithoutHandlers() {
	handlers.Sets = processor.Sets{{
		Register: func(context.Context, *processor.Mux, *processor.Deps) (func(), error) { return func() {}, nil },
	}}
}
