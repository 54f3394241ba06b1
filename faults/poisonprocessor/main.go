// Command poisonprocessor is the processor with handlers that fail on purpose, for the tests of package faults. All else of
// it is the real one's: payload, retries, dead letters, store, runtime.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/wiring"
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
	events, err := wiring.NewStore(ctx, env.Store)
	if err != nil {
		return err
	}
	brokers, err := wiring.KafkaConfig(ctx, env.Kafka, "processor")
	if err != nil {
		return err
	}
	cfg := processor.DefaultConfig()
	cfg.MaxAttempts, cfg.DeadLetterTopic = env.MaxAttempts, env.DeadLetterTopic
	cfg.PartialBatchResponse = env.PartialBatchResponse
	// A hanging handler costs AttemptTimeout + Margin/2 each time, and a killed process AttemptTimeout + 3 × Margin.
	cfg.AttemptTimeout, cfg.Margin = 300*time.Millisecond, 2*time.Second
	p, err := processor.New(cfg, handlers(), events, kafka.NewRecordPublisher(brokers, kafka.ProducerConfig{}),
		telemetry.NewLogger(os.Stdout, env.LogLevel))
	if err != nil {
		return err
	}
	lambda.Start(processor.Function(p.Handle))
	return nil
}

// handlers fail each in its way. What they do well is a line in the file $EFFECTS.
func handlers() *processor.Mux {
	mux := &processor.Mux{}
	mux.HandleFunc("fault.panicking", func(context.Context, event.Event) error { panic("on purpose") })
	mux.HandleFunc("fault.failing", func(context.Context, event.Event) error { return errors.New("fails each time") })
	mux.HandleFunc("fault.permanent", func(context.Context, event.Event) error {
		return processor.Permanent(errors.New("no retry mends this"))
	})
	mux.HandleFunc("fault.hanging", func(context.Context, event.Event) error { select {} })
	mux.HandleFunc("fault.handled", effect)
	// Fails until somebody has mended what it needs: the file $MENDED.
	mux.HandleFunc("fault.mendable", func(ctx context.Context, e event.Event) error {
		if _, err := os.Stat(os.Getenv("MENDED")); err != nil {
			return processor.Permanent(errors.New("a dependency is broken"))
		}
		return effect(ctx, e)
	})
	return mux
}

func effect(_ context.Context, e event.Event) error {
	f, err := os.OpenFile(os.Getenv("EFFECTS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %s\n", e.Subject, e.ID) // one write: the lines of two processes do not mix
	return errors.Join(err, f.Close())
}
