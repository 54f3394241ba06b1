package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/telemetry/emf"
	"event-processing-service/stack/review"
)

// everyOutcome is a store in which each event comes to another end, so that every metric is written.
type everyOutcome struct{}

func (everyOutcome) Begin(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{Answer: event.Done}, nil
}

func (everyOutcome) Renew(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{Answer: event.Granted}, nil
}

func (everyOutcome) Finish(context.Context, event.Claim, event.Outcome) (event.Reply, error) {
	return event.Reply{Answer: event.Written}, nil
}

func (everyOutcome) Release(context.Context, event.Claim, int, string) error { return nil }

// writtenMetrics are the function's metrics as the function itself writes them: namespace, name and dimensions, and the
// unit of each.
func writtenMetrics(t *testing.T) map[string]string {
	t.Helper()
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
	var out bytes.Buffer
	store := emf.Store(everyOutcome{})
	handle := emf.Function(func(ctx context.Context, _ *payload.Batch) (payload.Response, error) {
		_, _ = store.Begin(ctx, event.Claim{Type: "t"})
		_ = store.Release(ctx, event.Claim{Type: "t"}, 1, "")
		for _, status := range []event.Status{event.StatusProcessed, event.StatusDeadLettered} {
			_, _ = store.Finish(ctx, event.Claim{}, event.Outcome{Type: "t", Status: status, At: time.Now()})
		}
		return payload.Response{}, nil
	}, &out)
	batch := &payload.Batch{Partitions: []payload.Partition{{Name: "events-0",
		Records: []payload.Record{{Timestamp: time.Now()}}}}}
	if _, err := handle(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if err := emf.WriteCheck(&out, emf.Check{At: time.Now(), Accepted: time.Second, Processed: time.Second}); err != nil {
		t.Fatal(err)
	}
	written := map[string]string{}
	for line := range strings.Lines(out.String()) {
		var l struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name, Unit string }
				}
			} `json:"_aws"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, directive := range l.AWS.CloudWatchMetrics {
			for _, dimensions := range directive.Dimensions {
				for _, m := range directive.Metrics {
					written[metricKey(directive.Namespace, m.Name, dimensions)] = m.Unit
				}
			}
		}
	}
	return written
}

func metricKey(namespace, name string, dimensions []string) string {
	return namespace + " " + name + " by " + strings.Join(slices.Sorted(slices.Values(dimensions)), ",")
}

// askedMetrics are those of the function's own that a recorded stack's alarms and dashboard ask for.
func askedMetrics(t *testing.T, g review.Graph) (asked []string) {
	t.Helper()
	for _, n := range g.Of("cloudwatch.MetricAlarm") {
		if namespace := n.Text("namespace"); !strings.HasPrefix(namespace, "AWS/") && namespace != "" {
			var dimensions []string
			for key := range n.At("dimensions").ObjectValue() {
				dimensions = append(dimensions, string(key))
			}
			asked = append(asked, metricKey(namespace, n.Text("metricName"), dimensions))
		}
	}
	var body struct {
		Widgets []struct{ Properties struct{ Metrics [][]any } }
	}
	if err := json.Unmarshal([]byte(find(t, g, "cloudwatch.Dashboard", "events").Text("dashboardBody")),
		&body); err != nil {
		t.Fatal(err)
	}
	search := regexp.MustCompile(`SEARCH\('\{([^,]+),([^}]+)\} .*MetricName="(\w+)"`)
	for _, w := range body.Widgets {
		for _, line := range w.Properties.Metrics {
			options, _ := line[len(line)-1].(map[string]any)
			expression, _ := options["expression"].(string)
			if found := search.FindStringSubmatch(expression); found != nil {
				asked = append(asked, metricKey(found[1], found[3], strings.Split(found[2], ",")))
			}
			if len(line) < 3 || strings.HasPrefix(line[0].(string), "AWS/") {
				continue
			}
			var dimensions []string
			for i := 2; i+1 < len(line); i += 2 {
				dimensions = append(dimensions, line[i].(string))
			}
			asked = append(asked, metricKey(line[0].(string), line[1].(string), dimensions))
		}
	}
	return asked
}

// An alarm on a metric that nobody writes is quiet for ever.
func TestAlarmsAndDashboardAskForMetricsThatTheFunctionWrites(t *testing.T) {
	written := writtenMetrics(t)
	maps.Copy(written, writtenAPIMetrics())
	for _, stack := range stacks {
		g := recorded(t, stack, false)
		for _, n := range g.Of("cloudwatch.LogMetricFilter") { // counted of log lines, see archive_test.go
			written[metricKey(n.Text("metricTransformation", "namespace"), n.Name, nil)] = "Count"
		}
		asked := askedMetrics(t, g)
		for _, key := range asked {
			if _, is := written[key]; !is {
				t.Errorf("%s asks for %s; written are %q", stack, key, written)
			}
		}
		for _, must := range []metric{deadLetterMetric("f"), ageMetric("f", "p99")} {
			if key := metricKey(must.Namespace, must.Name, []string{"FunctionName"}); !slices.Contains(asked, key) {
				t.Errorf("%s does not ask for %s", stack, key)
			}
		}
	}
	if unit := written[metricKey(ownNamespace, "EventAge", []string{"FunctionName"})]; unit != "Milliseconds" {
		t.Errorf("the alarm takes ages for milliseconds, they are written as %q", unit)
	}
}

func TestEachMetricOfTheFunctionIsLookedAt(t *testing.T) {
	asked := strings.Join(askedMetrics(t, withChange(t, "dev", at(ns+"canary", `{"enabled":true}`))), "\n") + "\n"
	for key := range writtenMetrics(t) {
		name := strings.Fields(key)[1]
		if !strings.Contains(asked, ownNamespace+" "+name+" by ") {
			t.Errorf("no alarm and no chart of stack/dashboard.go asks for %s", name)
		}
	}
}

func TestAMetricThatNobodyWritesIsFound(t *testing.T) {
	g := recorded(t, "dev", false)
	set(find(t, g, "cloudwatch.MetricAlarm", "dead-letters"), "dimensions",
		map[string]any{"FunctionName": "f", "Topic": "events"})
	if key := metricKey(ownNamespace, "EventsDeadLettered", []string{"FunctionName",
		"Topic"}); !slices.Contains(askedMetrics(t, g), key) || writtenMetrics(t)[key] != "" {
		t.Errorf("%s is not asked for, or is written", key)
	}
}
