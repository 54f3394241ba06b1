// Command eventctl is the operator's tool: it sends events, invokes the function, looks after topics, and brings back what
// failed. Where it needs the brokers or the store it reads the same environment as the processor. `eventctl help` lists what
// it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"event-processing-service/cmd/api/server"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
)

// errUsage marks what the caller has to mend: the command line or the environment. It exits 2; all else exits 1.
var errUsage = errors.New("usage")

func main() {
	if filepath.Base(os.Args[0]) == "api" { // the API's image has this binary under both names
		os.Exit(server.Main(os.Args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := root().ExecuteContext(ctx)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "eventctl:", err)
	if errors.Is(err, errUsage) {
		os.Exit(2) //nolint:gocritic // the process ends, and the signals with it
	}
	os.Exit(1)
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "eventctl",
		Short:         "Send events, invoke the function, look after topics and dead letters",
		Version:       telemetry.Version(),
		SilenceUsage:  true, // a broker that is away is not a reason to explain flags
		SilenceErrors: true,
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	cmd.AddCommand(sendCommand(), invokeCommand(), topicsCommand(), setupCommand(), triggerCommand(), statusCommand(),
		dlqCommand(), replayCommand())
	return cmd
}

// environment reads what the processor reads.
func environment() (settings.Processor, error) {
	env, err := settings.LoadProcessor(os.LookupEnv)
	if err != nil {
		return env, fmt.Errorf("%w: the environment is wrong:\n%w", errUsage, err)
	}
	return env, nil
}
