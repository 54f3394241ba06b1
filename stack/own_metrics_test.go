package main

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/telemetry/emf"
)

// everyOutcome is a store in which each event comes to another end, so that every metric is written.
type everyOutcome struct{}

func (everyOutcome) Begin(_ context.Context, c event.Claim) (event.Claim, error) {
	c.State = event.ClaimDone
	return c, nil
}

func (everyOutcome) Finish(_ context.Context, c event.Claim, _ event.Outcome) (event.Claim, error) {
	c.State = event.ClaimGranted
	return c, nil
}

// writtenMetrics are the function's metrics as the function itself writes them: namespace, name and dimensions, and the
// unit of each.
func writtenMetrics(t *testing.T) map[string]string {
	t.Helper()
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
	var out bytes.Buffer
	store := emf.Store(everyOutcome{})
	handle := emf.Handle(func(ctx context.Context, _ *payload.Batch) (struct{}, error) {
		_, _ = store.Begin(ctx, event.Claim{})
		for _, status := range []event.Status{event.StatusProcessed, event.StatusDeadLettered, event.StatusUnfinished} {
			_, _ = store.Finish(ctx, event.Claim{}, event.Outcome{Type: "t", Status: status, At: time.Now()})
		}
		return struct{}{}, nil
	}, &out)
	batch := &payload.Batch{Partitions: []payload.Partition{{Name: "events-0", Records: []payload.Record{{Timestamp: time.Now()}}}}}
	if _, err := handle(t.Context(), batch); err != nil {
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
func askedMetrics(t *testing.T, g graph) (asked []string) {
	t.Helper()
	for _, n := range g.of("cloudwatch.MetricAlarm") {
		if namespace := n.text("namespace"); !strings.HasPrefix(namespace, "AWS/") && namespace != "" {
			var dimensions []string
			for key := range n.at("dimensions").ObjectValue() {
				dimensions = append(dimensions, string(key))
			}
			asked = append(asked, metricKey(namespace, n.text("metricName"), dimensions))
		}
	}
	var body struct {
		Widgets []struct{ Properties struct{ Metrics [][]any } }
	}
	if err := json.Unmarshal([]byte(g.find(t, "cloudwatch.Dashboard", "events").text("dashboardBody")), &body); err != nil {
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
	for _, stack := range stacks {
		asked := askedMetrics(t, recorded(t, stack, false))
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

func TestAMetricThatNobodyWritesIsFound(t *testing.T) {
	g := recorded(t, "dev", false)
	set(g.find(t, "cloudwatch.MetricAlarm", "dead-letters"), "dimensions", map[string]any{"FunctionName": "f", "Topic": "events"})
	if key := metricKey(ownNamespace, "EventsDeadLettered", []string{"FunctionName", "Topic"}); !slices.Contains(askedMetrics(t, g), key) || writtenMetrics(t)[key] != "" {
		t.Errorf("%s is not asked for, or is written", key)
	}
}
