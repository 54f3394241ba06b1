package serve

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/internal/settings"
)

// table is a DynamoDB that can be switched off.
type table struct {
	http.Handler
	away atomic.Bool
}

func (d *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.away.Load() {
		panic(http.ErrAbortHandler) // the connection breaks
	}
	d.Handler.ServeHTTP(w, r)
}

// serve runs the container's program until the test ends, with outcomes in d, and returns its URL.
func serve(t *testing.T, d *table, name string) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events"))
	if err != nil {
		t.Fatalf("start broker: %v", err)
	}
	t.Cleanup(cluster.Close)
	endpoint := httptest.NewServer(d)
	t.Cleanup(endpoint.Close)
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": endpoint.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
		"AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(key, value)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	env := settings.API{
		Port: port, PublishTimeout: 2 * time.Second, LogLevel: slog.LevelError + 1,
		Kafka: settings.Kafka{Brokers: cluster.ListenAddrs(), Topic: "events", Auth: settings.AuthNone},
		Store: settings.Store{Kind: "dynamodb", Table: name},
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, env, io.Discard) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("it ends with %v", err)
		}
	})
	return "http://127.0.0.1:" + strconv.Itoa(port)
}

func ask(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return resp.StatusCode, string(read)
}

// awaitHealth waits until /v1/health has this status for the whole and for the store. The health check is cached for a
// second.
func awaitHealth(t *testing.T, url, all, store string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		status, answer := ask(t, http.MethodGet, url+"/v1/health", "")
		var h struct {
			Status       string
			Dependencies map[string]struct{ Status string }
		}
		if status == http.StatusOK && json.Unmarshal([]byte(answer), &h) == nil && h.Status == all &&
			h.Dependencies["store"].Status == store {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it is not %s, with a store that is %s, within 10 s: %d %s", all, store, status, answer)
		}
	}
}

// losesItsTable switches a running API's table off and on again.
func losesItsTable(t *testing.T, d *table, name string) {
	t.Helper()
	url := serve(t, d, name)
	const post, outcome = "/v1/events", "/v1/events/never-sent"
	for _, step := range []struct {
		away                bool
		all, store          string
		statusOfTheOutcomes int
	}{
		{false, "healthy", "healthy", http.StatusNotFound},
		{true, "degraded", "unhealthy", http.StatusServiceUnavailable},
		{false, "healthy", "healthy", http.StatusNotFound},
	} {
		d.away.Store(step.away)
		awaitHealth(t, url, step.all, step.store)
		if status, answer := ask(t, http.MethodGet, url+outcome, ""); status != step.statusOfTheOutcomes {
			t.Errorf("away %v: an outcome is answered with %d, want %d: %s", step.away, status, step.statusOfTheOutcomes, answer)
		}
		if status, answer := ask(t, http.MethodPost, url+post, `{"type":"com.example.test"}`); status != http.StatusAccepted {
			t.Errorf("away %v: an event is answered with %d: %s", step.away, status, answer)
		}
	}
}

func TestWithoutItsTableTheAPIIsDegradedAndTakesEventsAllTheSame(t *testing.T) {
	losesItsTable(t, &table{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amz-Crc32", "2745614147")
		_, _ = io.WriteString(w, `{}`) // no such item
	})}, "events")
}
