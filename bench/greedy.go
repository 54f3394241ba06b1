package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// 64 greedy clients ask for many times their limit. The measurement shows what that costs the clients that stay below
// theirs, the modest ones. The greedy ones have a low limit, so that mostly refusals are measured.
const (
	greedyClients = 64
	modestClients = 40 // enough requests for a p99
	perClient     = 2  // events per second, the limit
	modestRate    = 1  // events per second of each client
	greedyRate    = 80
	// greedyTime bounds how long the greedy clients run, in case nobody stops them.
	greedyTime = 2 * time.Minute
)

// measureGreedy measures the modest clients alone, beside the greedy ones, and beside greedy clients of another
// server, a bare Fiber handler. The last shows how much of the difference comes from sharing the machine. It takes
// longer than other measurements, because the modest clients send few requests per second.
func measureGreedy(ctx context.Context, p plan, l *lab, r *results) error {
	keys := map[string]string{}
	for i := range max(greedyClients, modestClients) {
		keys[fmt.Sprint("greedy", i)], keys[fmt.Sprint("modest", i)] = keyOf("greedy", i), keyOf("modest", i)
	}
	text, err := json.Marshal(keys)
	if err != nil {
		return fmt.Errorf("encode keys: %w", err)
	}
	c, err := startChild(ctx, l.binary("eventctl"), serveArgs, true, "LOG_LEVEL=INFO", "API_KEYS="+string(text),
		fmt.Sprintf("RATE_LIMIT=%d/1s", perClient))
	if err != nil {
		return err
	}
	defer c.stop()
	all, err := connectEach(c.addr, "modest", modestClients)
	if err != nil {
		return err
	}
	defer all.close()
	bare, err := variant{server: "fiber"}.start(ctx, l)
	if err != nil {
		return err
	}
	defer bare.stop()
	const alone = "one within its limit, alone"
	for range p.rounds {
		if err := measureModest(ctx, p, all, r, alone); err != nil {
			return err
		}
		for name, addr := range map[string]string{"beside 64 greedy": c.addr,
			"beside 64 greedy of another server": bare.addr} {
			stop, err := startGreedy(ctx, addr)
			if err != nil {
				return err
			}
			name = "one within its limit, " + name
			err = measureModest(ctx, p, all, r, name)
			if err = errors.Join(err, stop()); err != nil {
				return err
			}
			r.find(name, modestClients, modestRate*modestClients).base = alone
		}
	}
	return nil
}

func measureModest(ctx context.Context, p plan, all crowd, r *results, name string) error {
	if _, err := all.paced(ctx, modestRate, max(p.warmUp, time.Second), true); err != nil {
		return err
	}
	met, err := all.paced(ctx, modestRate, 10*p.duration, true)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.add(name, modestClients, modestRate*modestClients, sample{EventsPerSecond: float64(met.count) / met.took.Seconds(),
		P50: milliseconds(met.quantile(0.5)), P99: milliseconds(met.quantile(0.99)), P999: milliseconds(met.quantile(0.999))})
	return nil
}

// startGreedy runs this program as `bench greedy ADDR`, in a process of its own, so that the greedy clients' work does
// not delay the clock of the modest ones.
func startGreedy(ctx context.Context, addr string) (stop func() error, err error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, "greedy", addr)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the greedy: %w", err)
	}
	return func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("the greedy: %w", err)
		}
		return nil
	}, nil
}

// driveGreedyLoad is the main function of that process.
func driveGreedyLoad(ctx context.Context, addr string) error {
	all, err := connectEach(addr, "greedy", greedyClients)
	if err != nil {
		return err
	}
	defer all.close()
	if _, err := all.paced(ctx, greedyRate, greedyTime, false); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	sent, refused := uint64(0), uint64(0)
	for _, conn := range all {
		sent, refused = sent+conn.sent, refused+conn.refused
	}
	fmt.Fprintf(os.Stderr, "the greedy sent %d, of which %d were refused\n", sent, refused)
	return nil
}

// connectEach opens one connection per client, each with the client's own key.
func connectEach(addr, kind string, n int) (crowd, error) {
	c := make(crowd, 0, n)
	for i := range n {
		request := structured(eventBytes)
		request.bytes = bytes.Replace(request.bytes, []byte(key), []byte(keyOf(kind, i)), 1)
		conn, err := dial(addr, request, i)
		if err != nil {
			c.close()
			return nil, err
		}
		conn.mayBeRefused = kind == "greedy"
		c = append(c, conn)
	}
	return c, nil
}

// keyOf returns a key as long as key, so that the ids in a request stay at their offsets.
func keyOf(kind string, client int) string {
	return fmt.Sprintf("%s-%0*d", kind, len(key)-len(kind)-1, client)
}
