package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"event-processing-service/api"
	"event-processing-service/internal/telemetry/metrics"
	"event-processing-service/stack/review"
)

type nothingBuffered struct{}

func (nothingBuffered) Buffered() (records, bytes int64) { return 0, 0 }

type nothingAlone struct{}

func (nothingAlone) Alone() uint64 { return 0 }

// registeredMetrics are the kinds of the API's metrics by name, and the reasons for which it refuses events.
func registeredMetrics(t *testing.T) (kinds map[string]string, reasons []string) {
	t.Helper()
	m := metrics.New("test")
	m.Watch(nothingBuffered{})
	m.WatchLimits(nothingAlone{})
	api.New(api.Config{Metrics: m.Registry}, nil, nil, slog.New(slog.DiscardHandler))
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	kinds = map[string]string{}
	for _, f := range families {
		kinds[f.GetName()] = f.GetType().String()
		for _, one := range f.GetMetric() {
			if f.GetName() == "events_rejected_total" {
				reasons = append(reasons, one.GetLabel()[0].GetValue())
			}
		}
	}
	descriptions := make(chan *prometheus.Desc, 100)
	m.Registry.Describe(descriptions)
	close(descriptions)
	for d := range descriptions { // counted by client, it has no sample before there is one
		if strings.Contains(d.String(), `"api_client_requests_total"`) && strings.Contains(d.String(), "{client}") {
			kinds["api_client_requests_total"] = "COUNTER"
		}
	}
	slices.Sort(reasons)
	return kinds, reasons
}

// writtenAPIMetrics are what the collector makes of them, as metricKey has it.
func writtenAPIMetrics() map[string]string {
	written := map[string]string{}
	for _, m := range (metricsConfig{Enabled: true, Clients: []string{"shop"}}).apiMetrics() {
		dimensions := []string{"ServiceName"}
		if m.Label != "" {
			dimensions = append(dimensions, m.Label)
		}
		written[metricKey(apiNamespace, m.Name, dimensions)] = m.Name
	}
	return written
}

func TestTheAllowListNamesCountersAndGaugesThatTheAPIHas(t *testing.T) {
	kinds, reasons := registeredMetrics(t)
	for _, m := range (metricsConfig{Enabled: true, Clients: []string{"shop"}}).apiMetrics() {
		if kind := kinds[m.Name]; kind != "COUNTER" && kind != "GAUGE" {
			t.Errorf("%s is a %q: of a histogram the exporter hands on the totals since the start", m.Name, kind)
		}
	}
	if !slices.Equal(reasons, refusals) {
		t.Errorf("the API refuses events for %q, the list has %q", reasons, refusals)
	}
}

func TestThePlanSaysHowManyMetricsTheAPIHasAndWhatTheyCost(t *testing.T) {
	for _, clients := range [][]string{nil, {"shop", "billing", "web"}} {
		change, count := asItIs, 0
		if clients != nil {
			change = in("metrics", "clients", clients)
		}
		for _, m := range (metricsConfig{Enabled: true, Clients: clients}).apiMetrics() {
			count += max(1, len(m.Values))
		}
		want := fmt.Sprintf("metrics of the API in CloudWatch: %d at most, %.2f USD a month\n", count, 0.30*float64(count))
		var out bytes.Buffer
		if err := review.WritePlan(&out, recordedWith(t, "prod", change)); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("with clients %q the plan does not say %q", clients, want)
		}
	}
}

func TestAListOfMetricsThatIsOpenIsFound(t *testing.T) {
	for from, to := range map[string]string{
		`\"^events_accepted_total$\"`:                                    `\".*\"`,
		`\"^(event-too-large|kafka-refuses|not-sent|outcome-unknown)$\"`: `\".+\"`,
		`[[\"ServiceName\"]]`:                                            `[[\"ServiceName\",\"http_route\"]]`,
	} {
		g := recorded(t, "prod", false)
		task := find(t, g, "ecs.TaskDefinition", "api")
		text := task.Text("containerDefinitions")
		if !strings.Contains(text, from) {
			t.Fatalf("no %s in the task", from)
		}
		set(task, "containerDefinitions", strings.Replace(text, from, to, 1))
		if found := strings.Join(g.Findings(), "\n"); !strings.Contains(found, "counted beforehand") {
			t.Errorf("%s passes; found is %q", to, found)
		}
	}
}

// collectorOf is the configuration of a recorded stack's collector, as text and read.
func collectorOf(t *testing.T, g review.Graph) (text string, read map[string]any) {
	t.Helper()
	for _, c := range containersOf(find(t, g, "ecs.TaskDefinition", "api")) {
		for _, v := range c.Environment {
			if v.Name == "AOT_CONFIG_CONTENT" {
				text = v.Value
			}
		}
	}
	if text == "" {
		return "", nil
	}
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		t.Fatal(err)
	}
	return text, read
}

func TestTheCollectorIsThereForMetricsWithoutTracesAndTheOtherWayRound(t *testing.T) {
	with := func(traces, metrics bool) (string, review.Graph) {
		g := recordedWith(t, "prod", func(c *review.StackConfig) {
			in("tracing", "enabled", traces)(c)
			in("metrics", "enabled", metrics)(c)
		})
		if found := g.Findings(); len(found) > 0 {
			t.Errorf("traces %v, metrics %v: %q", traces, metrics, found)
		}
		text, _ := collectorOf(t, g)
		return text, g
	}
	if text, g := with(false, true); !strings.Contains(text, "awsemf") || strings.Contains(text, "awsxray") ||
		strings.Contains(text, "otlp") || !g.Has("cloudwatch.LogGroup", "api-metrics") {
		t.Errorf("metrics alone: %s", text)
	}
	if text, g := with(true, false); strings.Contains(text, "awsemf") || !strings.Contains(text, "awsxray") ||
		g.Has("cloudwatch.LogGroup", "api-metrics") {
		t.Errorf("traces alone: %s", text)
	}
	if text, _ := with(false, false); text != "" {
		t.Errorf("neither: %s", text)
	}
}

// What the collector writes into, its role may write into; and nothing of it is anywhere without metrics.
func TestTheCollectorMayWriteItsMetrics(t *testing.T) {
	g := recorded(t, "prod", false)
	_, read := collectorOf(t, g)
	group := read["exporters"].(map[string]any)["awsemf"].(map[string]any)["log_group_name"]
	if group != find(t, g, "cloudwatch.LogGroup", "api-metrics").Text("name") {
		t.Errorf("the collector writes into %v", group)
	}
	if policy := find(t, g, "iam.RolePolicy", "api").Text("policy"); !strings.Contains(policy, `"Sid":"Metrics"`) {
		t.Errorf("the role may not: %s", policy)
	}
	if policy := find(t, recorded(t, "dev", false), "iam.RolePolicy", "api").Text("policy"); strings.Contains(policy,
		"logs:") {
		t.Errorf("dev has no metrics, and its role is %s", policy)
	}
}
