package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/trigger"
	"event-processing-service/internal/wiring"
	"event-processing-service/processor"
)

func invokeCommand() *cobra.Command {
	var bootstrap string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "invoke FILE",
		Short: "Invoke the function with a Lambda event file and print its response",
		Long: `Invoke the function with a Lambda event file (- is standard input) and print its response.

The function runs in this process or, with --bootstrap, as the real binary behind the Lambda Runtime API. A value may be
Base64, as MSK sends it, or plain JSON, as people write it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			payload, err := readFile(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			invoker, closeInvoker, err := newInvoker(ctx, bootstrap, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer closeInvoker()
			response, err := invoker.Invoke(ctx, payload)
			if err != nil {
				return fmt.Errorf("invoke the function: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(response))
			return err
		},
	}
	cmd.Flags().StringVar(&bootstrap, "bootstrap", "", "path of the function's binary; without it the function runs in this process")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "the function's time-out")
	return cmd
}

func readFile(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(path)
}

// newInvoker makes the function: in this process, or the real binary as a child that inherits the environment.
func newInvoker(ctx context.Context, bootstrap string, logs io.Writer) (trigger.Invoker, func(), error) {
	function := trigger.Function{Name: wiring.ConsumerGroup, MemoryMB: 256}
	if bootstrap != "" {
		runtime, err := trigger.NewRuntimeAPI(trigger.RuntimeConfig{Bootstrap: bootstrap, Function: function, Stdout: logs, Stderr: logs})
		if err != nil {
			return nil, nil, err
		}
		return runtime, func() { _ = runtime.Close() }, nil // the child is gone either way
	}
	env, err := environment()
	if err != nil {
		return nil, nil, err
	}
	events, err := wiring.NewStore(ctx, env.Store)
	if err != nil {
		return nil, nil, err
	}
	p, closeProcessor, err := wiring.NewProcessor(ctx, env, events, telemetry.NewLogger(logs, env.LogLevel))
	if err != nil {
		return nil, nil, err
	}
	return trigger.InProcess(processor.Function(p.Handle), function), closeProcessor, nil
}
