package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/cmd/internal/dotenv"
	"event-processing-service/internal/trigger"
)

func invokeCommand() *cobra.Command {
	var bootstrap string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "invoke FILE",
		Short: "Invoke the function with a Lambda event file and print its response",
		Long: `Invoke the function with a Lambda event file (- is standard input) and print its response.

The function runs in this process or, with --bootstrap, as the real binary behind the Lambda Runtime API. A value may be
Base64, as MSK sends it, or plain JSON, as people write it. What your handlers use may stand in .env, as for the local
run.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			payload, err := readFile(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if err := dotenv.Read(dotenv.File, os.LookupEnv, os.Setenv); err != nil {
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
	cmd.Flags().StringVar(&bootstrap, "bootstrap", "",
		"path of the function's binary; without it the function runs in this process")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "the function's time-out")
	return cmd
}

func readFile(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(path)
}

// checkBootstrap asks a binary whether it has the processor that is named, before anything is read for it.
func checkBootstrap(ctx context.Context, bootstrap, processor string) error {
	if processor == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, bootstrap, "--check")
	cmd.Env = append(os.Environ(), "PROCESSOR="+processor)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s: %s", errUsage, bootstrap, strings.TrimSpace(string(out)))
	}
	return nil
}

// newInvoker makes the function: in this process, or the real binary as a child that inherits the environment.
func newInvoker(ctx context.Context, bootstrap string, logs io.Writer) (trigger.Invoker, func(), error) {
	p, err := newProgram(ctx, logs)
	if err != nil {
		return nil, nil, err
	}
	function := trigger.Function{Name: assembly.GroupOf(assembly.ConsumerGroup, p.env.Name), MemoryMB: 256}
	if bootstrap != "" {
		if err := checkBootstrap(ctx, bootstrap, p.env.Name); err != nil {
			return nil, nil, err
		}
		runtime, err := trigger.NewRuntimeAPI(trigger.RuntimeConfig{Bootstrap: bootstrap, Function: function, Stdout: logs,
			Stderr: logs, Env: []string{"PROCESSOR=" + p.env.Name}})
		if err != nil {
			return nil, nil, err
		}
		return runtime, func() { _ = runtime.Close() }, nil // the child is gone either way
	}
	f, closeFunction, err := p.Function(ctx, p.env, assembly.FunctionParts{})
	if err != nil {
		return nil, nil, err
	}
	return trigger.InProcess(f, function), closeFunction, nil
}
