package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// The load of the console's measurements: 5,000 events a second, ten in a request, whatever the servers do.
const (
	consoleRequests = 500
	consoleBatch    = 10
	consoleClients  = 16
)

// watched is how the console is looked at in a turn: not at all; by a client that reads its stream and draws nothing,
// as if the browser were on another machine; or by a browser that shares the cores with all else.
type watched string

const (
	unwatched watched = "closed"
	elsewhere watched = "read elsewhere"
	onScreen  watched = "on the screen"
)

// measureConsole measures, at 5,000 events a second, what a page of the console costs the other parts, and what the
// page itself takes: by turns, once with all parts in processes of their own and once in one process.
func measureConsole(ctx context.Context, p plan, l *lab, r *results) error {
	b, err := openBrowser(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	for _, start := range []func(context.Context, *lab) (*site, error){startApart, startTogether} {
		s, err := start(ctx, l)
		if err != nil {
			return err
		}
		err = s.measure(ctx, p, b, r)
		s.stop()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *site) measure(ctx context.Context, p plan, b *browser, r *results) error {
	states := []watched{unwatched, elsewhere, onScreen}
	for round := range p.rounds {
		for i := range states {
			if err := s.turn(ctx, p, b, r, states[(i+round)%len(states)]); err != nil {
				return fmt.Errorf("%s, page %s: %w", s.name, states[(i+round)%len(states)], err)
			}
		}
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", s.name, round+1, p.rounds)
	}
	return nil
}

// turn measures one state under load.
func (s *site) turn(ctx context.Context, p plan, b *browser, r *results, state watched) error {
	watching, leave := context.WithCancel(ctx)
	defer leave()
	switch state {
	case elsewhere:
		go readStream(watching, s.console)
	case onScreen:
		if err := b.open(s.console); err != nil {
			return err
		}
		defer func() { _ = b.open("about:blank") }() // the next turn's error is told
	}
	all, err := connect(s.api.addr, batch(consoleBatch), consoleClients)
	if err != nil {
		return err
	}
	defer all.close()
	if _, err := all.openLoop(ctx, consoleRequests, time.Second); err != nil { // connections, group, first rows
		return err
	}
	time.Sleep(settle)
	for _, pid := range s.pids {
		forgetPeak(pid)
	}
	before, err := s.cpu()
	if err != nil {
		return err
	}
	d := max(p.duration, framesFor+time.Second)
	seen := make(chan error, 1)
	var shown page
	go func() {
		var err error
		if state == onScreen {
			shown, err = b.observe(ctx, s.name, d)
		}
		seen <- err
	}()
	shares := make(chan map[string]float64, 1)
	go func() { shares <- s.profile(ctx, d) }()
	met, err := all.openLoop(ctx, consoleRequests, d)
	if pageErr := <-seen; err == nil {
		err = pageErr
	}
	if err != nil {
		return err
	}
	for what, percent := range <-shares {
		r.add(fmt.Sprintf("%s: %s, %% of its CPU, page %s", s.name, what, state), consoleClients, consoleRequests,
			sample{CPU: percent})
	}
	time.Sleep(settle) // until the processor is done with them, too
	after, err := s.cpu()
	if err != nil {
		return err
	}
	events := float64(met.count) * consoleBatch
	for part, used := range after {
		x := sample{CPU: float64((used - before[part]).Microseconds()) / events, PeakMB: float64(peakOf(s.pids[part])) / mega}
		if part == "API" || len(after) == 1 {
			x.EventsPerSecond, x.P50, x.P99 = events/met.took.Seconds(), milliseconds(met.quantile(0.5)),
				milliseconds(met.quantile(0.99))
		}
		name := func(state watched) string { return s.name + ": " + part + ", page " + string(state) }
		r.add(name(state), consoleClients, consoleRequests, x).base = name(unwatched)
	}
	if state == onScreen {
		r.Pages = append(r.Pages, shown)
	}
	return nil
}

// profile is which part of the CPU time of a program with a console goes into the console, in percent: a share within
// one program, which other work on the cores does not move. A program without a console is not asked.
func (s *site) profile(ctx context.Context, d time.Duration) map[string]float64 {
	if s.name == apart {
		return nil
	}
	url := strings.Replace(s.api.metrics, "/metrics", "/debug/pprof/profile", 1)
	shares, err := cpuShares(ctx, url, d, map[string]string{
		"the page's stream and its look at the brokers": `console\.\(\*(Console|watch)\)`,
		"the console's memory of steps":                 `console\.\(\*Journal\)\.Add|console\.\(\*logLine\)`,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: no profile:", err)
	}
	return shares
}

// settle is more than a batching window and its invocation.
const settle = time.Second

// readStream reads what a page is told.
func readStream(ctx context.Context, console string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, console+"api/stream", nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // it ends with ctx
}
