package serve_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/cmd/internal/programtest"
	"event-processing-service/cmd/internal/serve"
	"event-processing-service/internal/settings"
)

func TestLogsOfAWholeRunAreObjectsWithIDsAndWithoutData(t *testing.T) {
	w := start(t, true)
	resp := w.post("logged", "traceparent", parent, "X-Request-Id", "request-1")
	if got := resp.Header.Get("X-Request-Id"); got != "request-1" {
		t.Fatalf("the answer has request id %q", got)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(w.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("%q is not a JSON object: %v", line, err)
			continue
		}
		message, _ := fields["msg"].(string)
		seen[message] = true
		if at, _ := fields["time"].(string); !isTime(at) || fields["level"] == nil || message == "" {
			t.Errorf("the line lacks time, level or msg: %s", line)
		}
		if (message == "request" || message == "event processed") &&
			(fields["request_id"] != "request-1" || fields["trace_id"] != traceID) {
			t.Errorf("the line does not say whose it is: %s", line)
		}
		if strings.Contains(line, "do-not-log") {
			t.Errorf("the line has an event's data: %s", line)
		}
	}
	if !seen["request"] || !seen["event processed"] {
		t.Errorf("lines are missing; there are %v", seen)
	}
}

func TestLinesNameTheClientAndNoLineHasAKey(t *testing.T) {
	const key, wrong = "shop-key-0123456789", "guess-0123456789"
	w := start(t, false, func(s *settings.API) {
		s.Clients = map[string]settings.Client{"shop": {Keys: []settings.Key{{Hash: sha256.Sum256([]byte(key))}}}}
		s.PublishTimeout = 300 * time.Millisecond
	})
	ask := func(method, contentType string, headers ...string) (status int) {
		req, err := http.NewRequest(method, w.url+"/v1/events", strings.NewReader(`{"type":"com.example.test"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	const post, plain = http.MethodPost, "application/json"
	statuses := []int{
		ask(post, plain, "X-API-Key", key), ask(post, plain, "Authorization", "Bearer "+key),
		ask(post, "text/plain", "X-API-Key", key),
		ask(http.MethodDelete, plain, "X-API-Key", key), ask(post, plain, "X-API-Key", wrong),
		ask(post, plain, "Authorization", "Basic "+wrong),
		ask(post, plain),
	}
	w.cluster.Close()
	statuses = append(statuses, ask(post, plain, "X-API-Key", key))
	if want := []int{202, 202, 415, 405, 401, 401, 401, 503}; !slices.Equal(statuses, want) {
		t.Fatalf("the answers are %v, want %v", statuses, want)
	}

	lines := map[string][]string{} // clients by message
	for line := range strings.Lines(w.log.String()) {
		for _, secret := range []string{key, wrong} {
			if strings.Contains(line, secret) {
				t.Errorf("a key is in the line %s", line)
			}
		}
		var fields struct{ Msg, Client string }
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q is not a JSON object: %v", line, err)
		}
		if fields.Msg == "request" || fields.Msg == "request failed" {
			lines[fields.Msg] = append(lines[fields.Msg], fields.Client)
		}
	}
	want := map[string][]string{"request": {"shop", "shop", "shop", "shop", "", "", "", "shop"},
		"request failed": {"shop"}}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("the clients of the lines are not those who asked (-want +got):\n%s", diff)
	}
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

func TestTheFunctionsMetricsAreEmbeddedInItsLog(t *testing.T) {
	w := start(t, false)
	w.post("measured")
	metrics := map[string]any{}
	for line := range strings.Lines(w.emf.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q is not a JSON object: %v", line, err)
		}
		meta, _ := fields["_aws"].(map[string]any)
		directives, _ := meta["CloudWatchMetrics"].([]any)
		if len(directives) != 1 || meta["Timestamp"] == nil {
			t.Fatalf("the line has no directive: %s", line)
		}
		directive := directives[0].(map[string]any)
		for _, set := range directive["Dimensions"].([]any) {
			for _, d := range set.([]any) {
				if _, ok := fields[d.(string)].(string); !ok {
					t.Errorf("dimension %s has no value in %s", d, line)
				}
			}
		}
		for _, m := range directive["Metrics"].([]any) {
			name := m.(map[string]any)["Name"].(string)
			if fields[name] == nil {
				t.Errorf("metric %s has no value in %s", name, line)
			}
			metrics[name] = fields[name]
		}
	}
	if metrics["BatchSize"] != 1.0 || metrics["EventsProcessed"] != 1.0 || metrics["EventsDeadLettered"] != nil ||
		metrics["EventAge"] == nil {
		t.Errorf("got %v", metrics)
	}
}

func TestNoLineOfALogHasADurationWithoutItsUnitInTheName(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	log := &programtest.Output{}
	env, err := settings.LoadAPI(programtest.Environment("PORT", strconv.Itoa(programtest.FreePort(t)),
		"METRICS_PORT", "0",
		"KAFKA_BOOTSTRAP_SERVERS", cluster.ListenAddrs()[0], "LOG_LEVEL", "DEBUG", "DRAIN_DELAY", "1ms"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, stop)
	if err := serve.Run(ctx, env, log); err != nil {
		t.Fatal(err)
	}
	draining := false
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		draining = draining || fields["msg"] == "draining"
		for name, value := range fields {
			text, _ := value.(string)
			if d, err := time.ParseDuration(text); err == nil && d != 0 {
				t.Errorf("%s is %q in %s", name, text, line)
			}
		}
	}
	if !draining {
		t.Errorf("it did not drain: %s", log)
	}
}
