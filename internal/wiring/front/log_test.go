package front_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
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
			t.Errorf("%q is no JSON object: %v", line, err)
			continue
		}
		message, _ := fields["msg"].(string)
		seen[message] = true
		if at, _ := fields["time"].(string); !isTime(at) || fields["level"] == nil || message == "" {
			t.Errorf("the line lacks time, level or msg: %s", line)
		}
		if (message == "request" || message == "event processed") && (fields["request_id"] != "request-1" || fields["trace_id"] != traceID) {
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
			t.Fatalf("%q is no JSON object: %v", line, err)
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
	if metrics["BatchSize"] != 1.0 || metrics["EventsProcessed"] != 1.0 || metrics["EventsDeadLettered"] != nil || metrics["EventAge"] == nil {
		t.Errorf("got %v", metrics)
	}
}
