// Command processor is the Lambda function behind the MSK event source mapping: its binary is the package's `bootstrap`.
// Its environment is described in the README.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/internal/wiring"
)

func main() {
	env, err := settings.LoadProcessor(os.LookupEnv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "processor: the environment is wrong:\n%v\n", err)
		os.Exit(2)
	}
	ctx := context.Background()
	events, err := wiring.NewStore(ctx, env.Store)
	if err != nil {
		fmt.Fprintln(os.Stderr, "processor:", err)
		os.Exit(1)
	}
	traces, err := tracing.Setup(ctx, os.LookupEnv, "event-processing-service-processor", telemetry.Version())
	if err != nil {
		fmt.Fprintln(os.Stderr, "processor:", err)
		os.Exit(2)
	}
	log := telemetry.NewLogger(os.Stdout, env.LogLevel)
	tracing.LogLosses(log)
	observed := wiring.ObserveStore(events, env.Store.Kind)
	p, closeProcessor, err := wiring.NewProcessor(ctx, env, observed, log)
	if err != nil {
		fmt.Fprintln(os.Stderr, "processor:", err)
		os.Exit(1)
	}
	defer closeProcessor()
	lambda.Start(wiring.NewFunction(p, traces, "", os.Stdout))
}
