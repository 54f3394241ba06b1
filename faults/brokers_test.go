//go:build faults

package faults

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster is the brokers, and the commands that kill, start and freeze them.
type cluster struct {
	t                          *testing.T
	brokers                    string
	kill, start, pause, resume string
	client                     *kgo.Client
}

func needCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		t: t, brokers: need(t, "FAULT_BROKERS"),
		kill: need(t, "FAULT_KILL"), start: need(t, "FAULT_START"), pause: need(t, "FAULT_PAUSE"), resume: need(t,
			"FAULT_RESUME"),
	}
	c.client = adminOf(t, c.brokers)
	return c
}

func (c *cluster) do(command string, n int) {
	fields := strings.Fields(strings.ReplaceAll(command, "{n}", strconv.Itoa(n)))
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, fields[0], fields[1:]...)
	cmd.WaitDelay = time.Second // the broker that it starts may keep the pipe open
	if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil && cmd.ProcessState.ExitCode() > 0 {
		c.t.Errorf("%s: %v\n%s", strings.Join(fields, " "), err, out)
	}
}

// harm kills, restarts and freezes brokers, one at a time, until ctx ends, and leaves all running. Usually it waits
// until all replicas are in sync before the next broker.
func (c *cluster) harm(ctx context.Context, r *rand.Rand, topics ...string) (kills, pauses int) {
	for pause(ctx, between(r, 200*time.Millisecond, 2*time.Second)) {
		n := 1 + r.IntN(3)
		if r.IntN(2) == 0 {
			kills++
			c.do(c.kill, n)
			pause(ctx, between(r, 0, 5*time.Second))
			c.do(c.start, n)
		} else {
			pauses++
			c.do(c.pause, n)
			// Longer than the session time-out, after which the others replace the broker.
			pause(ctx, between(r, 500*time.Millisecond, 8*time.Second))
			c.do(c.resume, n)
		}
		if r.IntN(4) > 0 {
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && !replicated(ctx, c.client, topics...); {
				if !pause(ctx, 200*time.Millisecond) {
					break
				}
			}
		}
	}
	return kills, pauses
}

// pause waits, and tells whether ctx still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return ctx.Err() == nil
}
