//go:build integration

package serve

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/internal/settings"
)

const clusterLimit = 10 // per hour

// TestAPIOfTheClustersTest is one API process of the test below. It runs until its input ends.
func TestAPIOfTheClustersTest(t *testing.T) {
	port, err := strconv.Atoi(os.Getenv("CLUSTER_TEST_PORT"))
	if err != nil {
		t.Skip("runs as a child of the next test")
	}
	env := settings.API{
		Port: port, MetricsPort: port + 1, MetricsAddress: "127.0.0.1", PublishTimeout: 5 * time.Second,
		LogLevel: slog.LevelInfo, Store: settings.Store{Kind: "memory"},
		Kafka: settings.Kafka{Brokers: []string{os.Getenv("CLUSTER_TEST_BROKER")}, Topic: "events",
			Auth: settings.AuthNone},
	}
	env.RateLimit = settings.Rate{Units: clusterLimit, Per: time.Hour}
	env.RateLimitURL = os.Getenv("REDIS_CLUSTER_URL")
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := Run(ctx, env, os.Stderr); err != nil {
		t.Fatal(err)
	}
}

// startAPI starts an API in a process of its own and returns its URL. Its metrics are at the next port.
func startAPI(t *testing.T, broker string) (url string, metrics string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	child := exec.Command(os.Args[0], "-test.run=^TestAPIOfTheClustersTest$")
	child.Env = append(os.Environ(), "CLUSTER_TEST_PORT="+strconv.Itoa(port), "CLUSTER_TEST_BROKER="+broker)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := child.Wait(); err != nil {
			t.Errorf("an API ends with %v", err)
		}
	})
	url = "http://127.0.0.1:" + strconv.Itoa(port)
	for range 100 {
		if resp, err := http.Get(url + "/health/live"); err == nil {
			resp.Body.Close()
			return url, "http://127.0.0.1:" + strconv.Itoa(port+1) + "/metrics"
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("an API does not start")
	return "", ""
}

// posted posts two events more than the limit allows, and returns how many are accepted.
func posted(t *testing.T, url string, n int) (taken int) {
	t.Helper()
	for range n {
		status, answer := ask(t, http.MethodPost, url+"/v1/events", `{"type":"limits.probe","data":{}}`)
		switch status {
		case http.StatusAccepted:
			taken++
		case http.StatusTooManyRequests:
		default:
			t.Fatalf("status %d: %s", status, answer)
		}
	}
	return taken
}

func TestAPIsShareTheirLimitsInAClusterAndOutliveIt(t *testing.T) {
	pids := strings.Fields(os.Getenv("REDIS_CLUSTER_PIDS"))
	if os.Getenv("REDIS_CLUSTER_URL") == "" || len(pids) == 0 {
		t.Skip("needs a cluster that it may kill: .ci/limits has one")
	}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	one, itsMetrics := startAPI(t, broker.ListenAddrs()[0])
	other, _ := startAPI(t, broker.ListenAddrs()[0])
	for _, url := range []string{one, other} {
		if _, health := ask(t, http.MethodGet, url+"/v1/health", ""); !strings.Contains(health,
			`"limits":{"status":"healthy"`) {
			t.Fatalf("with the cluster: %s", health)
		}
	}
	if a, b := posted(t, one, 6), posted(t, other, 6); a+b != clusterLimit {
		t.Errorf("with the cluster the one takes %d and the other %d, together not %d", a, b, clusterLimit)
	}

	for _, pid := range pids {
		id, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(id, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := posted(t, one, 12), posted(t, other, 12); a != clusterLimit || b != clusterLimit {
		t.Errorf("without it the one takes %d and the other %d, want %d each", a, b, clusterLimit)
	}
	time.Sleep(1100 * time.Millisecond) // the health check is cached for a second
	status, health := ask(t, http.MethodGet, one+"/v1/health", "")
	if status != http.StatusOK || !strings.Contains(health, `"limits":{"status":"unhealthy"`) {
		t.Errorf("without it health is %d: %s", status, health)
	}
	if _, text := ask(t, http.MethodGet, itsMetrics, ""); !strings.Contains(text, "\nrate_limit_fallbacks_total 12\n") {
		t.Errorf("12 decisions without the cluster are not in its metrics: %s", grep(text, "fallbacks"))
	}
}

func grep(text, word string) (found string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			found += line
		}
	}
	return found
}
