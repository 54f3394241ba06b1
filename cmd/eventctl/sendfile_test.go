package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// batchAPI is a stand-in for the API that remembers the batches. decide gives the problem of an event, "" to accept it.
type batchAPI struct {
	mu      sync.Mutex
	batches [][]map[string]any
	decide  func(try int, id string) string
	refuse  func(try int) (status int, body string) // of a whole request
}

func (a *batchAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var events []map[string]any
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &events); err != nil || len(body) > 4<<20 || len(events) > 1000 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.batches = append(a.batches, events)
	if a.refuse != nil {
		if status, text := a.refuse(len(a.batches)); status != 0 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return
		}
	}
	var results []string
	for i, e := range events {
		problem := ""
		if a.decide != nil {
			problem = a.decide(len(a.batches), fmt.Sprint(e["id"]))
		}
		if problem == "" {
			results = append(results, fmt.Sprintf(`{"index":%d,"id":%q,"status":202}`, i, e["id"]))
		} else {
			results = append(results, fmt.Sprintf(`{"index":%d,"status":503,"problem":%s}`, i, problem))
		}
	}
	w.WriteHeader(http.StatusMultiStatus)
	fmt.Fprintf(w, `{"accepted":1,"rejected":0,"results":[%s]}`, strings.Join(results, ","))
}

func (a *batchAPI) start(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return server.URL
}

// ids are those of the batches, in order.
func (a *batchAPI) ids() (all [][]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, batch := range a.batches {
		var ids []string
		for _, e := range batch {
			ids = append(ids, fmt.Sprint(e["id"]))
		}
		all = append(all, ids)
	}
	return all
}

func numberedLines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format+"\n", i)
	}
	return b.String()
}

func TestAFileOfAnySizeIsSentInBatchesThatTheAPITakes(t *testing.T) {
	line := `{"specversion":"1.0","id":"%d","source":"/s","type":"t"}`
	large := `{"specversion":"1.0","id":"%d","source":"/s","type":"t","data":"` + strings.Repeat("x", 1_500_000) + `"}`
	for name, test := range map[string]struct {
		file string
		want []int
	}{
		"by their number, one a line": {numberedLines(2500, line), []int{1000, 1000, 500}},
		"by their number, an array": {
			"[" + strings.ReplaceAll(strings.TrimSpace(numberedLines(1001, line)), "\n", ",") + "]", []int{1000, 1},
		},
		"by their bytes": {numberedLines(5, large), []int{2, 2, 1}},
	} {
		api := &batchAPI{}
		if _, err := run(t, test.file, "send", "--url", api.start(t), "--file", "-"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var sizes []int
		n := 0
		for _, ids := range api.ids() {
			sizes = append(sizes, len(ids))
			for _, id := range ids {
				if id != fmt.Sprint(n) {
					t.Fatalf("%s: event %s comes at place %d", name, id, n)
				}
				n++
			}
		}
		if diff := cmp.Diff(test.want, sizes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOnlyTheEventsOfABatchThatMayYetSucceedAreSentAgain(t *testing.T) {
	api := &batchAPI{decide: func(try int, id string) string {
		switch {
		case id == "1":
			return `{"type":"invalid","title":"Invalid event","detail":"no type\u001b[2J","retryable":false}`
		case try == 1 && (id == "2" || id == "3"):
			return `{"type":"not-sent","retryable":true}`
		}
		return ""
	}}
	file := numberedLines(5, `{"specversion":"1.0","id":"%d","source":"/s","type":"t"}`)
	out, said, err := runAndListen(t, file, "send", "--url", api.start(t), "--file", "-")
	if strings.Count(said, "refused: event") != 1 || !strings.Contains(said, `refused: event 1, id "`) ||
		!strings.Contains(said, "Invalid event: no type") || strings.Contains(said, "\x1b") {
		t.Errorf("of what is refused it says %q", said)
	}
	if err == nil || err.Error() != "1 of 5 events were refused" {
		t.Errorf("it ends with %v", err)
	}
	if diff := cmp.Diff([][]string{{"0", "1", "2", "3", "4"}, {"2", "3"}}, api.ids()); diff != "" {
		t.Error(diff)
	}
	var second struct{ Results []struct{ Index int } }
	if _, last, _ := strings.Cut(strings.TrimSpace(out), "\n"); json.Unmarshal([]byte(last), &second) != nil ||
		len(second.Results) != 2 || second.Results[0].Index != 2 {
		t.Errorf("the second answer is printed as %s", out)
	}
}

func TestARequestThatFailedForTheMomentIsSentAgainWithTheSameIDs(t *testing.T) {
	for name, first := range map[string]struct {
		status int
		body   string
	}{
		"overloaded":         {503, `{"type":"overloaded","retryable":true}`},
		"limited":            {429, `{"type":"rate-limited","retryable":true}`},
		"a proxy's bad gate": {502, `<html>`},
		"nothing of it taken": {503,
			`{"results":[{"index":0,"status":503,"problem":{"retryable":true}},` +
				`{"index":1,"status":503,"problem":{"retryable":true}}]}`},
	} {
		api := &batchAPI{refuse: func(try int) (int, string) {
			if try == 1 {
				return first.status, first.body
			}
			return 0, ""
		}}
		if _, err := run(t, `{"type":"a"} {"type":"b"}`, "send", "--url", api.start(t), "--file", "-", "--source",
			"/s"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if ids := api.ids(); len(ids) != 2 || len(ids[0]) != 2 || cmp.Diff(ids[0], ids[1]) != "" || ids[0][0] == ids[0][1] {
			t.Errorf("%s: the ids are %q", name, ids)
		}
		if e := api.batches[0][0]; e["source"] != "/s" || e["specversion"] != "1.0" {
			t.Errorf("%s: the event is %v", name, e)
		}
	}
}

func TestWhatIsRefusedForGoodIsNotSentAgain(t *testing.T) {
	for name, args := range map[string][]string{"a wrong request": nil, "no time for retries": {"--retry-for", "0"}} {
		status := 422
		if args != nil {
			status = 503
		}
		api := &batchAPI{refuse: func(int) (int, string) { return status, `{"title":"No"}` }}
		_, err := run(t, `[{"type":"a"},{"type":"b"}]`, append([]string{"send", "--url", api.start(t), "--file", "-"},
			args...)...)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint("the API answers ", status)) || len(api.ids()) != 1 {
			t.Errorf("%s: %v after %d requests", name, err, len(api.ids()))
		}
	}
}

func TestAFaultInTheFileEndsAfterTheEventsBeforeIt(t *testing.T) {
	api := &batchAPI{}
	_, err := run(t, `{"type":"a","source":"/s"} {"type":"b","source":"/s"} {"type":`, "send", "--url", api.start(t),
		"--file", "-")
	if err == nil || !strings.Contains(err.Error(), "read event 2") || !strings.Contains(err.Error(),
		"2 events before it are sent") {
		t.Errorf("it ends with %v", err)
	}
	if _, err := run(t, `[{"type":"a"}`, "send", "--url", api.start(t), "--file",
		"-"); err == nil || !strings.Contains(err.Error(), "the end of the array") {
		t.Errorf("an array that is cut off ends with %v", err)
	}
}

func TestASingleEventIsSentAgainUnderOneKey(t *testing.T) {
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}))
	defer server.Close()
	if _, err := run(t, "", "send", "--url", server.URL, "--type", "t"); err != nil {
		t.Fatal(err)
	}
	if len(keys) != 2 || keys[0] != keys[1] || len(keys[0]) != len(`""`)+36 {
		t.Errorf("the keys are %q", keys)
	}
}
