package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// maxRefused ends a load: what refuses so much is overloaded, or does not want it.
const maxRefused = 100

type loadOptions struct {
	apiClient
	events, connections int
	lasts               time.Duration
	source              string
}

func loadCommand() *cobra.Command {
	o := loadOptions{}
	cmd := &cobra.Command{
		Use:   "load [--events N] [--for TIME] [--connections N]",
		Short: "Post events as fast as the API takes them, within bounds, and print how fast that was",
		Long: `Post events of the type load.test, one a request: each connection sends its next one when the one before is
answered. It ends after --events or --for, whichever comes first, or when 100 were refused, and prints one line of JSON:
how many events were accepted, how many a second, the times that half and all but a hundredth of the requests stayed
below, in milliseconds, and what was refused, by status. It tries nothing again, and fails if anything was refused.

The events are real: they are stored and processed as any. A client's own limit is met at once, so give it a key with a
limit of its own.`,
		Example: `  eventctl load
  eventctl load --events 5000 --for 30s --connections 8 --url https://api.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	o.addTo(f)
	f.IntVar(&o.events, "events", 20_000, "how many events at most, 1 to 1000000")
	f.DurationVar(&o.lasts, "for", time.Minute, "how long at most, up to 10m")
	f.IntVar(&o.connections, "connections", 16, "how many requests are under way at a time, 1 to 256")
	f.StringVar(&o.source, "source", "/load-test", "the events' source")
	return cmd
}

func (o *loadOptions) run(cmd *cobra.Command) error {
	switch {
	case o.events < 1 || o.events > 1_000_000:
		return fmt.Errorf("%w: --events must be 1 to 1000000, is %d", errUsage, o.events)
	case o.connections < 1 || o.connections > 256:
		return fmt.Errorf("%w: --connections must be 1 to 256, is %d", errUsage, o.connections)
	case o.lasts <= 0 || o.lasts > 10*time.Minute:
		return fmt.Errorf("%w: --for must be above 0 and at most 10m, is %s", errUsage, o.lasts)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = o.connections // two by default: the others would shake hands again for each request
	defer transport.CloseIdleConnections()
	o.client = &http.Client{Transport: transport}

	l := load{left: o.events, until: time.Now().Add(o.lasts), refused: map[string]int{}}
	began := time.Now()
	var connections sync.WaitGroup
	for range o.connections {
		connections.Go(func() {
			for l.next(cmd.Context()) {
				sent := time.Now()
				err := o.post(cmd.Context(), sent)
				l.note(cmd.Context(), time.Since(sent), err)
			}
		})
	}
	connections.Wait()
	return l.report(cmd, time.Since(began))
}

// post sends one event and tries nothing again.
func (o *loadOptions) post(ctx context.Context, at time.Time) error {
	event, err := json.Marshal(map[string]any{"specversion": "1.0", "id": uuid.NewString(), "source": o.source,
		"type": "load.test", "data": map[string]string{"sent": at.UTC().Format(time.RFC3339Nano)}})
	if err != nil {
		return err
	}
	_, err = o.ask(ctx, http.MethodPost, "/v1/events", "application/cloudevents+json", event, nil)
	return err
}

// load keeps account of what all connections met.
type load struct {
	mu      sync.Mutex
	left    int
	until   time.Time
	times   []time.Duration // of what was accepted
	refused map[string]int  // by status; "none" is no answer
	failed  int
	last    error
}

// next reports whether another event is to be sent.
func (l *load) next(ctx context.Context) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 || l.failed >= maxRefused || ctx.Err() != nil || !time.Now().Before(l.until) {
		return false
	}
	l.left--
	return true
}

func (l *load) note(ctx context.Context, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var status *statusError
	switch {
	case err == nil:
		l.times = append(l.times, took)
		return
	case ctx.Err() != nil:
		return // whoever ended the load ended this request
	case errors.As(err, &status):
		l.refused[strconv.Itoa(status.status)]++
	default:
		l.refused["none"]++
	}
	l.failed, l.last = l.failed+1, err
}

// loadResult is what was measured.
type loadResult struct {
	Events          int            `json:"events"` // accepted
	Seconds         float64        `json:"seconds"`
	EventsPerSecond float64        `json:"events_per_second"`
	P50             float64        `json:"p50_ms"`
	P99             float64        `json:"p99_ms"`
	Refused         map[string]int `json:"refused"`
}

func (l *load) report(cmd *cobra.Command, took time.Duration) error {
	slices.Sort(l.times)
	quantile := func(q float64) float64 {
		if len(l.times) == 0 {
			return 0
		}
		return float64(l.times[int(q*float64(len(l.times)-1))].Microseconds()) / 1000
	}
	text, err := json.Marshal(map[string]loadResult{"load_test": {Events: len(l.times), Seconds: took.Seconds(),
		EventsPerSecond: float64(len(l.times)) / took.Seconds(), P50: quantile(0.5), P99: quantile(0.99),
		Refused: l.refused}})
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), string(text))
	switch {
	case cmd.Context().Err() != nil:
		return cmd.Context().Err()
	case l.failed > 0:
		return fmt.Errorf("%d events were refused, the last: %w", l.failed, l.last)
	}
	return nil
}
