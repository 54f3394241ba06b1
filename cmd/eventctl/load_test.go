package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// loadedAPI takes events after a pause and counts them; refuse, if set, is asked first.
type loadedAPI struct {
	mu          sync.Mutex
	ids         map[string]bool
	busy, most  int
	connections map[string]bool
	refuse      func(n int) int // status, 0 to accept
}

func (a *loadedAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e struct{ ID, Type, Source string }
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &e)
	a.mu.Lock()
	a.ids[e.ID], a.connections[r.RemoteAddr] = true, true
	n := len(a.ids)
	a.busy++
	a.most = max(a.most, a.busy)
	a.mu.Unlock()
	time.Sleep(2 * time.Millisecond)
	a.mu.Lock()
	a.busy--
	a.mu.Unlock()
	status := http.StatusAccepted
	if e.Type != "load.test" || e.Source != "/load-test" ||
		r.Header.Get("Content-Type") != "application/cloudevents+json" {
		status = http.StatusBadRequest
	} else if a.refuse != nil && a.refuse(n) != 0 {
		status = a.refuse(n)
	}
	w.WriteHeader(status)
}

// loaded runs the command against a, and returns the result that it prints.
func loaded(t *testing.T, a *loadedAPI, args ...string) (result loadResult, err error) {
	t.Helper()
	a.ids, a.connections = map[string]bool{}, map[string]bool{}
	server := httptest.NewServer(a)
	defer server.Close()
	out, err := run(t, "", append([]string{"load", "--url", server.URL}, args...)...)
	var printed map[string]loadResult
	if failed := json.Unmarshal([]byte(out), &printed); failed != nil {
		t.Fatalf("it prints %q (%v)", out, err)
	}
	return printed["load_test"], err
}

func TestALoadIsSentOnceOverItsConnectionsAndMeasured(t *testing.T) {
	a := &loadedAPI{}
	got, err := loaded(t, a, "--events", "200", "--connections", "4")
	if err != nil {
		t.Fatal(err)
	}
	if len(a.ids) != 200 || got.Events != 200 || a.most > 4 || len(a.connections) > 4 {
		t.Errorf("%d events, %d at a time over %d connections: %+v", len(a.ids), a.most, len(a.connections), got)
	}
	if got.P50 < 2 || got.P99 < got.P50 || got.EventsPerSecond < 1 || got.EventsPerSecond > 2000 || len(got.Refused) > 0 {
		t.Errorf("it measures %+v", got)
	}
}

func TestALoadEndsInTime(t *testing.T) {
	began := time.Now()
	got, err := loaded(t, &loadedAPI{}, "--events", "1000000", "--for", "100ms")
	if err != nil || got.Events == 0 || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %+v (%v)", time.Since(began), got, err)
	}
}

func TestALoadThatIsRefusedSaysSoAndEnds(t *testing.T) {
	got, err := loaded(t, &loadedAPI{refuse: func(n int) int {
		if n > 50 {
			return http.StatusTooManyRequests
		}
		return 0
	}}, "--connections", "2")
	if err == nil || !strings.Contains(err.Error(), "events were refused, the last: the API answers 429") {
		t.Errorf("it ends with %v", err)
	}
	if refused := got.Refused["429"]; refused < maxRefused || refused > maxRefused+2 || got.Events > 50 {
		t.Errorf("it measures %+v", got)
	}
}

func TestALoadHasBounds(t *testing.T) {
	for _, args := range [][]string{{"--events", "0"}, {"--events", "1000001"}, {"--connections", "257"},
		{"--for", "11m"}} {
		if _, err := run(t, "", append([]string{"load"}, args...)...); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
