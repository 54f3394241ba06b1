// Command eventctl is the operator's tool: it sends events, invokes the function, looks after topics, and brings back
// what failed. It also serves the API, so that the image needs one binary. Where it needs the brokers or the store it
// reads the processor's environment. `eventctl help` lists what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"event-processing-service/internal/settings"
	"event-processing-service/internal/terminal"
)

func main() { os.Exit(runWith(os.Args)) }

func runWith(argv []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	cmd := root()
	cmd.SetArgs(arguments(argv))
	err := execute(ctx, cmd)
	if err == nil {
		return 0
	}
	fmt.Fprintln(terminal.Writer(os.Stderr), "eventctl:", err)
	if errors.Is(err, errUsage) || errors.Is(err, settings.ErrEnvironment) {
		return 2
	}
	return 1
}
