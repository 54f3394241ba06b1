package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"event-processing-service/cmd/internal/programtest"
)

// asProgram in the environment makes this test binary the program itself, so that a test can kill it.
const asProgram = "LOCAL_TEST_RUNS_THE_PROGRAM"

func TestMain(m *testing.M) {
	programtest.WithoutHandlers()
	if os.Getenv(asProgram) != "" {
		os.Exit(execute(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// child is the program as a process, for two minutes at most.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, os.Args[0], args...)
	// The tests on real parts name brokers.
	c.Env = append(os.Environ(), asProgram+"=1", "KAFKA_BOOTSTRAP_SERVERS=", "DYNAMODB_ENDPOINT=")
	return c
}

// killable runs the program on this folder, until it is killed.
func killable(t *testing.T, folder string) (url string, kill func()) {
	t.Helper()
	port := freePort(t)
	said := new(output)
	kafkaPort := strconv.Itoa(freePort(t))
	c := child(t, "--port", strconv.Itoa(port), "--kafka-port", kafkaPort, "--console-port", "0", "--data", folder)
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() {
			_ = c.Process.Kill() // SIGKILL: it can do nothing about it
			_ = c.Wait()
			if t.Failed() {
				t.Log(said.String())
			}
		})
	}
	t.Cleanup(kill)
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	eventually(t, "ready", func() bool { status, _ := get(url + "/health/ready"); return status == http.StatusOK })
	return url, kill
}

func submit(url, id string) (status int) {
	e := fmt.Sprintf(`{"specversion":"1.0","type":"order.created","source":"/shop","id":%q,"subject":%[1]q}`, id)
	resp, err := http.Post(url+"/v1/events", "application/cloudevents+json", strings.NewReader(e))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func outcomeOf(url, id string) (status int, body string) {
	return get(url + "/v1/events/" + id + "?source=/shop")
}

func TestAKilledProcessLosesNothingThatWasAnswered2xx(t *testing.T) {
	folder := t.TempDir()
	var mu sync.Mutex
	var stored []string
	for round := range 3 {
		url, kill := killable(t, folder)
		var posting sync.WaitGroup
		for worker := range 8 {
			posting.Go(func() {
				for n := 0; ; n++ {
					id := fmt.Sprintf("%d-%d-%d", round, worker, n)
					if submit(url, id) != http.StatusAccepted {
						return
					}
					mu.Lock()
					stored = append(stored, id)
					mu.Unlock()
				}
			})
		}
		time.Sleep(500 * time.Millisecond)
		kill()
		posting.Wait()
	}
	t.Logf("%d events were answered 202", len(stored))
	if len(stored) < 100 {
		t.Fatal("too few to tell anything")
	}
	url, _ := killable(t, folder)
	for deadline := time.Now().Add(45 * time.Second); len(stored) > 0; time.Sleep(100 * time.Millisecond) {
		var missing []string
		for _, id := range stored {
			if status, body := outcomeOf(url, id); status != http.StatusOK || !strings.Contains(body, `"processed"`) {
				missing = append(missing, id)
			}
		}
		if stored = missing; len(missing) > 0 && time.Now().After(deadline) {
			t.Fatalf("%d events that were answered 202 are never processed, such as %s", len(missing), missing[0])
		}
	}
}

func TestARestartGoesOnWhereTheRunBeforeEnded(t *testing.T) {
	folder := t.TempDir()
	runs := func() (url string, interrupt func() error) {
		t.Helper()
		return serveKept(t, folder)
	}
	url, interrupt := runs()
	if status := submit(url, "1"); status != http.StatusAccepted {
		t.Fatalf("answered with %d", status)
	}
	var first, second outcome
	know := func(o *outcome) func() bool {
		return func() bool {
			status, body := outcomeOf(url, "1")
			return status == http.StatusOK && json.Unmarshal([]byte(body), o) == nil
		}
	}
	eventually(t, "processed", know(&first))
	if err := interrupt(); err != nil {
		t.Fatal(err)
	}
	url, _ = runs()
	if !know(&second)() || second != first {
		t.Errorf("the outcome was %+v, and is %+v", first, second)
	}
	if submit(url, "1"); !know(&second)() || second != first {
		t.Errorf("a copy after the restart makes it %+v", second)
	}
}

func serveKept(t *testing.T, folder string) (url string, interrupt func() error) {
	t.Helper()
	return serveAs(t, freePort(t), []string{"--data", folder})
}

func TestASecondProcessOnTheSameFolderIsRefused(t *testing.T) {
	folder := t.TempDir()
	serveKept(t, folder)
	said, err := child(t, "--port", strconv.Itoa(freePort(t)), "--console-port", "0", "--data", folder).CombinedOutput()
	if err == nil || !strings.Contains(string(said), folder+": another process has it open") {
		t.Errorf("it ends with %v and says %s", err, said)
	}
}

func TestDamageOfTheFolderIsNamedAndNothingIsForgotten(t *testing.T) {
	folder := t.TempDir()
	url, interrupt := serveKept(t, folder)
	for n := range 20 {
		submit(url, strconv.Itoa(n))
	}
	eventually(t, "processed", func() bool { status, _ := outcomeOf(url, "19"); return status == http.StatusOK })
	if err := interrupt(); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(folder, "broker", "partitions", "events-*", "*.dat"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no records are kept: %v", err)
	}
	changed := func(path string, change func([]byte) []byte) {
		t.Helper()
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write := func(text []byte) {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(change(bytes.Clone(whole)))
		defer write(whole)
		said := runFor(t, folder)
		if said == nil || !strings.Contains(said.Error(), path) || !strings.Contains(said.Error(), "start afresh") {
			t.Errorf("with %s changed it says %v", path, said)
		}
	}
	flip := func(at int) func([]byte) []byte {
		return func(text []byte) []byte { text[(at+len(text))%len(text)] ^= 1; return text }
	}
	for _, at := range []int{8, 30, -1} {
		changed(segments[0], flip(at))
	}
	changed(segments[0], func(text []byte) []byte { return text[:len(text)-1] })
	changed(segments[0], func([]byte) []byte { return nil })
	changed(filepath.Join(folder, "broker", "groups.log"), flip(-1))
	changed(filepath.Join(folder, "broker", "topics.json"), flip(0))
	changed(filepath.Join(folder, "outcomes"), flip(0))
	if err := runFor(t, folder); err != nil {
		t.Errorf("with all put back it says %v", err)
	}
}

// runFor runs the program for a moment.
func runFor(t *testing.T, folder string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	return start(ctx, freePort(t), freePort(t), []string{"--data", folder})
}

func TestARecordThatWasNeverAnsweredDoesNotKeepTheBrokerFromItsStart(t *testing.T) {
	folder := t.TempDir()
	url, interrupt := serveKept(t, folder)
	submit(url, "1")
	if err := interrupt(); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"partitions/events-*/*.dat", "groups.log"} {
		found, err := filepath.Glob(filepath.Join(folder, "broker", filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		text, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(found[0], append(text, text[:len(text)/2]...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	url, _ = serveKept(t, folder)
	if status := submit(url, "2"); status != http.StatusAccepted {
		t.Errorf("a post is answered with %d", status)
	}
	eventually(t, "processed", func() bool { status, _ := outcomeOf(url, "2"); return status == http.StatusOK })
}

func TestTheFolderKeepsTheTokenSoThatAPageStaysOpen(t *testing.T) {
	kept := data{folder: t.TempDir()}
	first, err := kept.token()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := kept.token(); err != nil || second != first || first == "" {
		t.Errorf("it was %q, and is %q, %v", first, second, err)
	}
	other, err := data{}.token()
	if err != nil || other == first {
		t.Errorf("without a folder it is %q, %v", other, err)
	}
}

func TestAFolderIsNotForOtherBrokers(t *testing.T) {
	_, err := readSettings([]string{"--data", "d", "--brokers", "b:1"}, environmentOf(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("it says %v", err)
	}
}
