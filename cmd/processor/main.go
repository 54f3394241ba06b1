// Command processor is the Lambda function behind the MSK event source mapping, the stack's canary, and what gives
// clients new keys: one binary, the package's `bootstrap`, and the function's handler says which of them it is. The
// README describes its environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/aws/aws-lambda-go/lambda"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/processor"
)

func main() {
	if slices.Equal(os.Args[1:], []string{"--version"}) {
		fmt.Println("processor version", telemetry.Version())
		return
	}
	if slices.Equal(os.Args[1:], []string{"--check"}) {
		if err := check(os.LookupEnv); err != nil {
			fmt.Fprintln(os.Stderr, "processor:", err)
			os.Exit(2)
		}
		return
	}
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		fmt.Fprintln(os.Stderr,
			"processor: this is the Lambda function, and Lambda starts it. By hand: eventctl invoke FILE --bootstrap PATH")
		os.Exit(2)
	}
	if err := start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "processor:", err)
		if errors.Is(err, settings.ErrEnvironment) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// The handlers of the functions that are no processors. Those have "bootstrap", or a path of it.
const canaryHandler, rotationHandler = "canary", "rotation"

// start runs until Lambda ends the process.
func start(ctx context.Context) error {
	switch os.Getenv("_HANDLER") {
	case canaryHandler:
		function, err := newCanary(ctx, os.LookupEnv, os.Stdout)
		if err != nil {
			return err
		}
		lambda.Start(function)
		return nil
	case rotationHandler:
		function, err := newRotation(ctx, os.LookupEnv, os.Stdout)
		if err != nil {
			return err
		}
		lambda.Start(function)
		return nil
	}
	function, closeAll, err := newFunction(ctx, os.LookupEnv, os.Stdout, nil)
	if err != nil {
		return err
	}
	defer closeAll()
	lambda.Start(function)
	return nil
}

// check tells what is wrong with the environment, before anybody reads a record for this function.
func check(lookup settings.Lookup) error {
	env, err := settings.LoadProcessor(lookup)
	if err != nil {
		return fmt.Errorf("the environment is wrong:\n%w", err)
	}
	_, err = assembly.New(context.Background(), nil).Handlers(env)
	return err
}

// newFunction makes what Lambda invokes, with the service's sets of handlers or others. Its log and its metrics go to
// stdout.
func newFunction(ctx context.Context, lookup settings.Lookup, stdout io.Writer, sets processor.Sets) (
	payload.Function, func(), error,
) {
	env, err := settings.LoadProcessor(lookup)
	if err != nil {
		return nil, nil, fmt.Errorf("the environment is wrong:\n%w", err)
	}
	a := assembly.New(ctx, telemetry.NewLogger(stdout, env.LogLevel))
	if sets != nil {
		a.Sets = sets
	}
	return a.Function(ctx, env, assembly.FunctionParts{Metrics: stdout})
}
