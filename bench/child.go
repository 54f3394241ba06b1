package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// child is a server under test, in a process of its own.
type child struct {
	cmd     *exec.Cmd
	addr    string // of the server, host:port, see encrypted
	metrics string // URL of its metrics, "": none
	ready   time.Duration
	errors  bytes.Buffer
}

// serveArgs make the service's binary serve the API.
var serveArgs = []string{"serve"}

// startChild runs a program on ports of its own, and waits until its health check answers.
func startChild(ctx context.Context, path string, args []string, metrics bool, env ...string) (*child, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &child{addr: "127.0.0.1:" + strconv.Itoa(port), cmd: exec.CommandContext(ctx, path, args...)}
	if slices.Contains(env, "TLS_SELF_SIGNED=true") {
		c.addr = encrypted + c.addr
	}
	metricsPort := 0 // off
	if metrics {
		if metricsPort, err = freePort(); err != nil {
			return nil, err
		}
		c.metrics = fmt.Sprintf("http://127.0.0.1:%d/metrics", metricsPort)
	}
	c.cmd.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "METRICS_PORT="+strconv.Itoa(metricsPort),
		"KAFKA_TOPIC="+topic)
	c.cmd.Env = append(c.cmd.Env, env...)
	c.cmd.Stdout, c.cmd.Stderr = io.Discard, &c.errors
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = 10 * time.Second
	begin := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	for time.Since(begin) < 10*time.Second && ctx.Err() == nil {
		if answersHealth(c.addr) {
			c.ready = time.Since(begin)
			return c, nil
		}
		time.Sleep(time.Millisecond / 2)
	}
	c.stop()
	return nil, fmt.Errorf("%s %v does not become ready: %s", path, args, c.errors.String())
}

func answersHealth(addr string) bool {
	conn, err := open(addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, "GET /health/live HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
		return false
	}
	var status [12]byte
	_, err = io.ReadFull(conn, status[:])
	return err == nil && string(status[9:]) == "200"
}

func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_ = c.cmd.Wait()
}

var mallocs = regexp.MustCompile(`(?m)^go_memstats_mallocs_total (\S+)$`)

// allocations returns how many objects the child has allocated so far; false if it has no metrics.
func (c *child) allocations() (float64, bool) {
	if c.metrics == "" {
		return 0, false
	}
	resp, err := http.Get(c.metrics)
	if err != nil {
		return 0, false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	found := mallocs.FindSubmatch(body)
	if err != nil || found == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	return n, err == nil
}

// nextPort counts up from a start that differs between runs, so that two runs do not collide. It stays below the ports
// that Linux uses for connections (32,768 and up), because a connection of the load could take the port before the
// child does.
var nextPort = func() *atomic.Int32 {
	var n atomic.Int32
	n.Store(10_000 + int32(os.Getpid()%100)*100)
	return &n
}()

func freePort() (int, error) {
	for range 100 {
		port := int(nextPort.Add(1))
		if ln, err := net.Listen("tcp", ":"+strconv.Itoa(port)); err == nil {
			return port, ln.Close()
		}
	}
	return 0, fmt.Errorf("find free port: none up to %d", nextPort.Load())
}
