package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// variant is one way to post events to one server.
type variant struct {
	name    string
	server  string // "fiber" and "limit" are in this binary, "api" is the service; else the path of a build of it
	open    bool   // the API has no keys and no limits
	tls     bool   // it encrypts
	metrics bool
	request *request
	base    string // variant to compare with; "": limit
	at      []int  // numbers of connections; nil: all of the plan. 64 batches of 1,000 are more than the API takes at once
}

func variants(p plan) []variant {
	few := []int{64}
	all := []variant{
		{name: "bare Fiber, no Kafka", server: "fiber", metrics: true, request: structured(eventBytes)},
		{name: limit, server: "limit", metrics: true, request: structured(eventBytes)},
		{name: "API, structured", server: "api", metrics: true, request: structured(eventBytes)},
		{name: "API, structured, no telemetry", server: "api", request: structured(eventBytes), at: few,
			base: "API, structured"},
		{name: "API, structured, no keys, no limits", server: "api", open: true, metrics: true,
			request: structured(eventBytes), at: few, base: "API, structured"},
		{name: "API, structured, TLS", server: "api", tls: true, metrics: true, request: structured(eventBytes), at: few,
			base: "API, structured"},
		{name: "API, batch of 100, TLS", server: "api", tls: true, metrics: true, request: batch(100), at: few,
			base: "API, batch of 100"},
		{name: "API, binary", server: "api", metrics: true, request: binary(eventBytes)},
		{name: "API, batch of 10", server: "api", metrics: true, request: batch(10)},
		{name: "API, batch of 100", server: "api", metrics: true, request: batch(100)},
		{name: "API, batch of 1000", server: "api", metrics: true, request: batch(1000), at: []int{1, 16, 32}},
		{name: "limit, 1 kB", server: "limit", metrics: true, request: structured(1 << 10), at: few},
		{name: "API, structured, 1 kB", server: "api", metrics: true, request: structured(1 << 10), at: few,
			base: "limit, 1 kB"},
		{name: "limit, 64 kB", server: "limit", metrics: true, request: structured(64 << 10), at: few},
		{name: "API, structured, 64 kB", server: "api", metrics: true, request: structured(64 << 10), at: few,
			base: "limit, 64 kB"},
	}
	for _, v := range all {
		if v.server != "api" {
			continue
		}
		for _, path := range p.compare {
			other := v
			other.base, other.name, other.server = v.name, v.name+", "+filepath.Base(path), path
			all = append(all, other)
		}
	}
	return slices.DeleteFunc(all, func(v variant) bool { return !p.only.MatchString(v.name) })
}

// key is the bench's key. It is no secret: it opens only servers that the bench starts.
const key = "bench-bench-bench-bench"

// limit is the variant that all others are compared with.
const limit = "limit"

// start runs the variant's server. Each variant has its own, because a heap that has grown for batches would make
// later variants look faster.
func (v variant) start(ctx context.Context, l *lab) (*child, error) {
	if v.server != "fiber" && v.server != "limit" {
		path := v.server
		if path == "api" {
			path = l.binary("eventctl")
		}
		env := []string{"LOG_LEVEL=INFO"} // as in production, with the sampled access log
		if !v.metrics {
			env = append(env, "ACCESS_LOG_ONE_IN=0")
		}
		if !v.open {
			env = append(env, `API_KEYS={"bench":"`+key+`"}`, "RATE_LIMIT=1000000/1s")
		}
		if v.tls {
			env = append(env, "TLS_SELF_SIGNED=true")
		}
		return startChild(ctx, path, serveArgs, v.metrics, env...)
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	return startChild(ctx, path, []string{"serve", v.server}, v.metrics)
}

// measureHTTP measures all variants at all numbers of connections, several times and interleaved, so that other work
// on the machine affects all of them.
func measureHTTP(ctx context.Context, p plan, l *lab, r *results) error {
	chosen, children := variants(p), []*child(nil)
	defer func() {
		for _, c := range children {
			c.stop()
		}
	}()
	for _, v := range chosen {
		c, err := v.start(ctx, l)
		if err != nil {
			return err
		}
		children = append(children, c)
	}
	for round := range p.rounds {
		for _, n := range p.connections {
			for i := range chosen {
				i = (i + round) % len(chosen) // so that neighbours change
				if at := chosen[i].at; at != nil && !slices.Contains(at, n) {
					continue
				}
				s, err := measureOnce(ctx, p, children[i], chosen[i].request, n, 0)
				if err != nil {
					return fmt.Errorf("%s at %d connections: %w\n%s", chosen[i].name, n, err, children[i].errors.String())
				}
				r.add(chosen[i].name, n, 0, s).base = chosen[i].base
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, p.rounds)
	}
	return nil
}

// measureOpenLoop measures the latency of requests at a steady rate below the server's capacity.
func measureOpenLoop(ctx context.Context, p plan, l *lab, r *results) error {
	for _, v := range variants(p) {
		if !slices.Contains([]string{limit, "API, structured", "API, binary"}, v.name) {
			continue
		}
		c, err := v.start(ctx, l)
		if err != nil {
			return err
		}
		for range p.rounds {
			for _, rate := range p.rates {
				s, err := measureOnce(ctx, p, c, v.request, 256, rate)
				if err != nil {
					c.stop()
					return fmt.Errorf("%s at %d/s: %w", v.name, rate, err)
				}
				r.add(v.name, 256, rate, s)
			}
		}
		c.stop()
	}
	return nil
}

// measureOnce makes one measurement, with a closed loop if rate is 0.
func measureOnce(ctx context.Context, p plan, c *child, req *request, connections, rate int) (sample, error) {
	all, err := connect(c.addr, req, connections)
	if err != nil {
		return sample{}, err
	}
	defer all.close()
	if _, err := all.closedLoop(ctx, p.warmUp); err != nil {
		return sample{}, err
	}
	forgetPeak(c.cmd.Process.Pid)
	objects, counted := c.allocations()
	ownCPU := ownCPUTime()
	cpu, err := cpuOf(c.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	var met load
	if rate == 0 {
		met, err = all.closedLoop(ctx, p.duration)
	} else {
		met, err = all.openLoop(ctx, rate, p.duration)
	}
	if err != nil {
		return sample{}, err
	}
	cpuAfter, err := cpuOf(c.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	clientCPU := ownCPUTime() - ownCPU
	objectsAfter, _ := c.allocations()
	events := float64(met.count) * float64(req.events)
	s := sample{
		EventsPerSecond: events / met.took.Seconds(),
		P50:             milliseconds(met.quantile(0.5)), P99: milliseconds(met.quantile(0.99)),
		P999:      milliseconds(met.quantile(0.999)),
		CPU:       float64((cpuAfter - cpu).Microseconds()) / events,
		ClientCPU: float64(clientCPU.Microseconds()) / events,
		PeakMB:    float64(peakOf(c.cmd.Process.Pid)) / (1 << 20),
	}
	if counted {
		s.Allocations = (objectsAfter - objects) / events
	}
	return s, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// ownCPUTime is the CPU time of this process, the load generator.
func ownCPUTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
