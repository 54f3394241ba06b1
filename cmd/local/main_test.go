package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/cmd/internal/programtest"
)

func freePort(t *testing.T) int { return programtest.FreePort(t) }

// serveHere runs the whole service until the test ends, and gives the API's URL and the end of the run.
func serveHere(t *testing.T) (url string, interrupt func() error) {
	t.Helper()
	return serveOn(t, freePort(t))
}

// start runs the program on these ports until ctx ends.
func start(ctx context.Context, port, kafkaPort int, flags []string, pairs ...string) error {
	args := append([]string{
		"--port", strconv.Itoa(port), "--kafka-port", strconv.Itoa(kafkaPort), "--console-port", "0",
	}, flags...)
	env, err := readSettings(args, environmentOf(pairs...), io.Discard)
	if err != nil {
		return err
	}
	return run(ctx, env, slog.New(slog.DiscardHandler), io.Discard)
}

// inBackground runs the service until the test ends, or until stop.
func inBackground(t *testing.T, env environment, log *slog.Logger, out io.Writer) (stop func()) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, env, log, out) }()
	t.Cleanup(func() {
		stop()
		http.DefaultClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			t.Errorf("it ends with %v", err)
		}
	})
	return stop
}

var environmentOf = programtest.Environment

func serveOn(t *testing.T, kafkaPort int, pairs ...string) (url string, interrupt func() error) {
	t.Helper()
	return serveAs(t, kafkaPort, nil, pairs...)
}

func serveAs(t *testing.T, kafkaPort int, flags []string, pairs ...string) (url string, interrupt func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	port, ended := freePort(t), make(chan error, 1)
	go func() { ended <- start(ctx, port, kafkaPort, flags, pairs...) }()
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	interrupt = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(5 * time.Second):
			return fmt.Errorf("it does not end within 5 s")
		}
	}
	t.Cleanup(func() { _ = interrupt() })
	eventually(t, "ready", func() bool { status, _ := get(url + "/health/ready"); return status == http.StatusOK })
	return url, interrupt
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not %s within 30 s", what)
		}
	}
}

func get(url string) (status int, body string) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(read)
}

func TestAPostedEventIsProcessedAndItsOutcomeIsWhereTheLocationSays(t *testing.T) {
	url, interrupt := serveHere(t)
	resp, err := http.Post(url+"/v1/events", "application/cloudevents+json",
		strings.NewReader(`{"specversion":"1.0","id":"e `+
			`1","source":"/orders","type":"com.example.test","subject":"o","data":{"n":1}}`))
	if err != nil {
		t.Fatalf("post: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("post is answered with %s", resp.Status)
	}
	var outcome struct{ ID, Source, Status string }
	eventually(t, "processed", func() bool {
		status, body := get(url + resp.Header.Get("Location"))
		return status == http.StatusOK && json.Unmarshal([]byte(body), &outcome) == nil
	})
	if outcome.ID != "e 1" || outcome.Source != "/orders" || outcome.Status != "processed" {
		t.Errorf("the outcome is %+v", outcome)
	}
	if err := interrupt(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestCurrentTimeIsProcessedToo(t *testing.T) {
	url, _ := serveHere(t)
	status, body := get(url + "/current_time?name=Ada")
	var told struct{ ID string }
	if err := json.Unmarshal([]byte(body), &told); err != nil || status != http.StatusOK {
		t.Fatalf("answered %d %s (%v)", status, body, err)
	}
	eventually(t, "processed",
		func() bool { status, _ := get(url + "/v1/events/" + told.ID); return status == http.StatusOK })
}

func TestHealthTellsWhatTheHandlersHereNeed(t *testing.T) {
	url, _ := serveHere(t)
	seen := func(want string) func() bool {
		return func() bool {
			status, body := get(url + "/v1/health")
			return status == http.StatusOK && strings.Contains(body, `"handlers":[{"name":"demo warehouse","status":"`+want+`"`)
		}
	}
	eventually(t, "healthy", seen("healthy"))
	resp, err := http.Post(url+"/v1/events", "application/json", strings.NewReader(`{"type":"demo.break","data":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	eventually(t, "unhealthy", seen("unhealthy"))
}

func TestATakenPortIsToldWithTheFlagThatChoosesAnother(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().(*net.TCPAddr).Port
	if err := start(t.Context(), taken, freePort(t), nil); err == nil || !strings.Contains(err.Error(), "--port") {
		t.Errorf("with the API's port taken: %v", err)
	}
	if err := start(t.Context(), freePort(t), taken, nil); err == nil || !strings.Contains(err.Error(), "--kafka-port") {
		t.Errorf("with Kafka's port taken: %v", err)
	}
}
