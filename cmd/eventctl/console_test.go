package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"event-processing-service/cmd/internal/programtest"
)

// served runs the console until the test ends, and gives its address and the token in it.
func served(t *testing.T, args ...string) (url, token string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	printed, ended := new(programtest.Output), make(chan error, 1)
	cmd := root()
	cmd.SetArgs(append([]string{"console", "--listen", "127.0.0.1:0"}, args...))
	cmd.SetOut(printed)
	cmd.SetIn(strings.NewReader(""))
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ends with %v", err)
		}
	})
	link := regexp.MustCompile(`(http://localhost:\d+)/(?:#token=([\w-]+))?\n`)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if found := link.FindStringSubmatch(printed.String()); found != nil {
			return found[1], found[2]
		}
		if time.Now().After(deadline) {
			t.Fatalf("it prints %q", printed.String())
		}
	}
}

// watched reads the stream of a console until it has what is wanted.
func watched(t *testing.T, url string, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got []byte
	chunk := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(chunk)
		got = append(got, chunk[:n]...)
		missing := ""
		for _, w := range want {
			if !bytes.Contains(got, []byte(w)) {
				missing = w
			}
		}
		if missing == "" {
			return
		}
		if err != nil {
			t.Fatalf("the stream lacks %s (%v):\n%s", missing, err, got)
		}
	}
}

func TestTheConsoleShowsADeploymentFromItsTopicsAndJoinsNoGroup(t *testing.T) {
	b := newBroker(t)
	b.put(accepted("a", "order.created"), deadLetter("b", "order.paid"))
	url, token := served(t)
	if token == "" {
		t.Error("it prints no token")
	}
	watched(t, url, `"state":"accepted","type":"order.created","id":"a"`,
		`"state":"dead-lettered","type":"order.paid","id":"b"`,
		`"waiting":1`, `"dead":1`)
	resp, err := http.Get(url + "/api/system")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if system, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(system), `"groups":null`) {
		t.Errorf("it leaves groups behind: %s (%v)", system, err)
	}
}

func TestTheConsoleSeesAttemptsInTheProcessorsLog(t *testing.T) {
	newBroker(t)
	log := t.TempDir() + "/log"
	line := `{"msg":"attempt failed","event_id":"a","event_type":"order.created","event_source":"/s",` +
		`"topic":"events","partition":0,"offset":0,"attempts":2,"error":"boom"}`
	if err := os.WriteFile(log, []byte(fmt.Sprintln(line)), 0o600); err != nil {
		t.Fatal(err)
	}
	url, _ := served(t, "--log", log)
	watched(t, url, `"state":"retrying"`, `"attempt":2`, `boom`)
}

func TestAConsoleThatOnlyReadsPrintsNoToken(t *testing.T) {
	newBroker(t)
	url, token := served(t, "--read-only")
	if token != "" {
		t.Errorf("it prints the token %s", token)
	}
	must(t, "console", "--check", url)
}

func TestAConsoleEndsByItselfAfterItsTime(t *testing.T) {
	newBroker(t)
	ended := make(chan error, 1)
	cmd := root()
	cmd.SetArgs([]string{"console", "--listen", "127.0.0.1:0", "--for", "100ms"})
	cmd.SetOut(io.Discard)
	go func() { ended <- cmd.ExecuteContext(t.Context()) }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it serves on")
	}
}
