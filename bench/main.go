// Command bench compares the service with the parts that it is made of: in one run, interleaved, on a real broker. It
// prints a table with ratios, writes results.json and draws plot.svg. docs/performance.md says how to read them.
//
// KAFKA_BOOTSTRAP_SERVERS names the broker, DYNAMODB_ENDPOINT an optional DynamoDB Local. The servers under test are
// child processes, so that their CPU time is theirs alone. All load stays on the loopback interface and is bounded in
// time.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// plan is what to measure, and for how long.
type plan struct {
	rounds          int
	duration        time.Duration // of one measurement
	warmUp          time.Duration // before it, not counted
	connections     []int
	rates           []int          // of the open loop, requests/s
	only            *regexp.Regexp // variants whose name matches
	parts           string
	compare         []string // paths of other builds of the API
	compareFunction string   // path of another build of the function, "": none
	records         int      // in the topic of the backlog
	out             string   // folder of results.json and plot.svg
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		exitOn(serve(os.Args[2]))
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "greedy" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		exitOn(driveGreedyLoad(ctx, os.Args[2]))
		return
	}
	p := plan{}
	connections := flag.String("connections", "1,16,64,256", "numbers of connections")
	rates := flag.String("rates", "1000,5000", "requests/s of the open loop")
	short := flag.Bool("short", false, "half a minute in all: shows that everything runs; its figures mean nothing")
	flag.IntVar(&p.rounds, "rounds", 5, "how often each measurement is made; the table shows medians")
	flag.DurationVar(&p.duration, "duration", 2*time.Second, "how long one measurement takes, at most 30s")
	only := flag.String("only", "", "measure the variants whose name matches this regular expression")
	flag.StringVar(&p.parts, "parts", "http,open,greedy,kafka,processor,table,runtime,function,pipe,start,end",
		"what to measure; not by default, as they need chromium: console,backlog")
	compare := flag.String("compare", "",
		"other builds of cmd/eventctl, separated by commas, measured by turns with this one")
	flag.StringVar(&p.compareFunction, "compare-function", "",
		"another build of cmd/processor, measured by turns with this one")
	flag.IntVar(&p.records, "records", 1_000_000, "records in the topic that the console of `backlog` is opened on")
	flag.StringVar(&p.out, "out", "bench", "folder for results.json and plot.svg")
	flag.Parse()
	var err error
	if p.only, err = regexp.Compile(*only); err != nil {
		exitOn(fmt.Errorf("read -only: %w", err))
	}
	p.compare = strings.FieldsFunc(*compare, func(r rune) bool { return r == ',' })
	p.connections, p.rates, p.warmUp = numbers(*connections), numbers(*rates), 300*time.Millisecond
	if *short {
		p.rounds, p.duration, p.warmUp = 1, 200*time.Millisecond, 50*time.Millisecond
		p.connections, p.rates, p.records = []int{1, 64}, []int{200}, 100_000
	}
	p.duration = min(p.duration, 30*time.Second)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exitOn(run(ctx, p, os.Getenv("KAFKA_BOOTSTRAP_SERVERS")))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func numbers(list string) []int {
	var out []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			exitOn(fmt.Errorf("%q is not a positive number", s))
		}
		out = append(out, n)
	}
	return out
}

func (p plan) has(part string) bool {
	for s := range strings.SplitSeq(p.parts, ",") {
		if s == part {
			return true
		}
	}
	return false
}

func run(ctx context.Context, p plan, brokers string) error {
	if brokers == "" {
		return fmt.Errorf("KAFKA_BOOTSTRAP_SERVERS is not set; `just bench` starts a broker")
	}
	l, err := newLab(ctx, brokers)
	if err != nil {
		return err
	}
	defer l.close()
	r := &results{Machine: describeMachine(), Rounds: p.rounds, Seconds: p.duration.Seconds()}
	for _, part := range []struct {
		name string
		run  func(context.Context, plan, *lab, *results) error
	}{
		{"http", measureHTTP}, {"open", measureOpenLoop}, {"greedy", measureGreedy}, {"kafka", measureKafka},
		{"processor", measureProcessor}, {"table", measureTable}, {"runtime", measureRuntime},
		{"function", measureFunction}, {"pipe", measurePipe}, {"start", measureStart}, {"end", measureEndToEnd},
		{"console", measureConsole}, {"backlog", measureBacklog},
	} {
		if !p.has(part.name) {
			continue
		}
		if err := part.run(ctx, p, l, r); err != nil {
			return fmt.Errorf("measure %s: %w", part.name, err)
		}
	}
	r.print(os.Stdout)
	return r.save(p.out)
}
