// Command local runs the whole service in one process, with nothing installed but Go: an embedded broker, the API, and
// the processor behind a stand-in for the MSK event source mapping. The code is the cloud's; only the broker and the
// trigger differ. Nothing is kept when it ends, unless --data names a
// folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"event-processing-service/cmd/internal/dotenv"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
)

func main() { os.Exit(execute(os.Args[1:])) }

func execute(args []string) int {
	if err := dotenv.Read(dotenv.File, os.LookupEnv, os.Setenv); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		return 2
	}
	env, err := readSettings(args, os.LookupEnv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "local:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if env.watch {
		err = runWatched(ctx, env, args)
	} else {
		err = run(ctx, env, telemetry.NewLogger(os.Stderr, env.api.LogLevel), os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		if errors.Is(err, settings.ErrEnvironment) {
			return 2
		}
		return 1
	}
	return 0
}
