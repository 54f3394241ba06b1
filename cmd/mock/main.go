// Command mock answers as the API's OpenAPI document says, without Kafka: for the tests of clients. docs/clients.md
// tells how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"event-processing-service/api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mock:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop, which is deferred, was called
	}
}

// run serves until the context ends. It prints where, once it listens.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("mock", flag.ContinueOnError)
	flags.SetOutput(errs)
	listen := flags.String("listen", "127.0.0.1:5002", "`address` to listen on; port 0 is any that is free")
	delay := flags.Duration("delay", 0, "how long each answer takes, where the request does not prefer another `duration`")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read arguments: %w", err)
	}
	if flags.NArg() > 0 || *delay < 0 || *delay > longestDelay {
		return fmt.Errorf("takes no arguments but -listen and -delay, which is at most %s", longestDelay)
	}
	m, err := newMock(api.Document(""), *delay)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintf(out, "http://%s answers as /openapi.json says; http://%s/_mock/requests tells what was asked\n", ln.Addr(),
		ln.Addr())
	server := &http.Server{Handler: m, ReadHeaderTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
