// Command poisonprocessor is the processor with handlers that fail on purpose, for the tests of package faults. All
// other parts are the real ones: payload, retries, dead letters, store, runtime.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/event"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/processor"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "poisonprocessor:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	env, err := settings.LoadProcessor(os.LookupEnv)
	if err != nil {
		return err
	}
	a := assembly.New(ctx, telemetry.NewLogger(os.Stdout, env.LogLevel))
	a.Sets = processor.Sets{{Register: handlers}, {Name: "other", Register: handlers}}
	if slices.Equal(os.Args[1:], []string{"--check"}) {
		_, err := a.Handlers(env)
		return err
	}
	function, closeAll, err := a.Function(ctx, env, assembly.FunctionParts{
		Metrics: os.Stdout,
		// A hanging handler costs AttemptTimeout + Margin/2 each time, a killed process 3 × Margin.
		Tune: func(c *processor.Config) {
			c.AttemptTimeout, c.Margin = 300*time.Millisecond, 2*time.Second
			c.BackoffBase = 100 * time.Millisecond // its failures never pass
		},
	})
	if err != nil {
		return err
	}
	defer closeAll()
	lambda.Start(function)
	return nil
}

// handlers fail in different ways. Each success is a line in the file $EFFECTS.
func handlers(_ context.Context, mux *processor.Mux, _ *processor.Deps) (func(), error) {
	mux.HandleFunc("fault.panicking", func(context.Context, event.Event) error { panic("on purpose") })
	mux.HandleFunc("fault.failing", func(context.Context, event.Event) error { return errors.New("fails each time") })
	mux.HandleFunc("fault.permanent", func(context.Context, event.Event) error {
		return processor.Permanent(errors.New("no retry fixes this"))
	})
	mux.HandleFunc("fault.hanging", func(context.Context, event.Event) error { select {} })
	mux.HandleFunc("fault.handled", effect)
	if failing := os.Getenv("FAILING"); failing != "" { // an event type that has no handler otherwise
		mux.HandleFunc(failing, func(_ context.Context, e event.Event) error {
			if strings.HasSuffix(e.ID, "0") {
				select {}
			}
			panic("on purpose")
		})
	}
	// Fails until the file $FIXED exists.
	mux.HandleFunc("fault.fixable", func(ctx context.Context, e event.Event) error {
		if _, err := os.Stat(os.Getenv("FIXED")); err != nil {
			return processor.Permanent(errors.New("a dependency is broken"))
		}
		return effect(ctx, e)
	})
	return func() {}, nil
}

func effect(_ context.Context, e event.Event) error {
	f, err := os.OpenFile(os.Getenv("EFFECTS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %s\n", e.Subject, e.ID) // one write, so that lines of two processes do not mix
	return errors.Join(err, f.Close())
}
