// Command drill loses things on purpose, under load and on real parts, brings them back, and reports what was accepted,
// lost, restored and doubled, and how long it took. It exits 0 where the report is sound, 1 where it is not, and 2
// where the drill could not begin.
//
//	go run ./drill replay     # Kafka and the table are gone; the archive brings back what it has
//	go run ./drill restore    # the table is gone; a copy of it and the archive bring it back
//	go run ./drill failover   # a region is gone; replicas of the archive and of the table bring it back elsewhere
//
// It works beside whatever else the brokers and the table's server have: its topics, table and bucket are its own, and
// topics and table are deleted when it ends. KAFKA_BOOTSTRAP_SERVERS names the brokers, DYNAMODB_ENDPOINT a DynamoDB
// Local, S3_ENDPOINT an S3 server, without which the archive lies in a folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

var errUsage = errors.New("usage: drill replay|restore|failover [--load 30s] [--json] [local]")

// options are those of the command line.
type options struct {
	drill  string
	load   time.Duration // how long events come before things are lost
	asJSON bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	o, err := parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
		return 2
	}
	w, err := newWorld(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
		return 2
	}
	defer w.close()
	r := &report{Drill: o.drill, Notes: []string{}, Faults: []string{}, Tails: []tail{}}
	if err := drills[o.drill](ctx, w, o.load, r); err != nil {
		r.fault("the drill did not come to its end: %v", err)
	}
	if err := r.print(os.Stdout, o.asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "drill: print the report:", err)
		return 1
	}
	if len(r.Faults) > 0 {
		return 1
	}
	return 0
}

var drills = map[string]func(context.Context, *world, time.Duration, *report) error{
	"replay": replayDrill, "restore": restoreDrill, "failover": failoverDrill,
}

func parse(args []string) (options, error) {
	if len(args) == 0 || drills[args[0]] == nil {
		return options{}, errUsage
	}
	o := options{drill: args[0]}
	flags := flag.NewFlagSet("drill", flag.ContinueOnError)
	flags.DurationVar(&o.load, "load", 30*time.Second, "how long events come before things are lost, 3s to 10m")
	flags.BoolVar(&o.asJSON, "json", false, "print the report as JSON")
	if err := flags.Parse(args[1:]); err != nil {
		return o, fmt.Errorf("%w: %w", errUsage, err)
	}
	switch stack := flags.Arg(0); {
	case flags.NArg() > 1:
		return o, errUsage
	case stack != "" && stack != "local":
		return o, refusal(stack)
	case o.load < 3*time.Second || o.load > 10*time.Minute:
		return o, fmt.Errorf("%w: --load must be 3s to 10m", errUsage)
	}
	return o, nil
}

// refusal says why a stack is left alone. What a person does there instead is in docs/operating.md.
func refusal(stack string) error {
	return fmt.Errorf("the stack %s is left alone: a drill deletes topics and tables, and this program does so only to "+
		"those that it made itself, on the machine that it runs on; docs/operating.md, Drills, says how to do it in AWS",
		strings.Map(printable, stack))
}

func printable(c rune) rune {
	if c < ' ' || c > '~' {
		return '?'
	}
	return c
}
