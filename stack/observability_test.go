package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everything is a stack in which each alarm is switched on.
func everything() config {
	return config{
		Name: "n", Kafka: kafkaConfig{Brokers: 3, Topic: "events", InstanceType: "kafka.t3.small"},
		API:       apiConfig{MinTasks: 2},
		Processor: processorConfig{TimeoutSeconds: 100, Provisioned: &provisionedConfig{}},
		Alarms:    alarmsConfig{EventAgeSeconds: 90, PipelineBroken: true},
		Edge:      edgeConfig{Domain: "events.example.com", CDN: true, WAF: &wafConfig{}},
		Cache:     cacheConfig{Enabled: true}, Metrics: metricsConfig{Enabled: true}, Backup: backupConfig{Enabled: true},
		Archive: archiveConfig{Enabled: true, ReplicateTo: "us-west-2"}, Privacy: &privacyConfig{},
		Canary: checkConfig{true, 1, 45}, Keys: keysConfig{&rotationConfig{}},
		SLO: sloConfig{Accepted: 99.9, Processed: 99, ProcessedSeconds: 60},
	}
}

func allAlarms() []alarm {
	c := everything()
	parts, _ := sloAlarms(c)
	return slices.Concat(apiAlarms(c), allProcessorAlarms(c), kafkaAlarms(c), backupAlarms(c), archiveAlarms(c),
		canaryAlarms(c), rotationAlarms(c), parts)
}

func TestEveryAlarmSaysWhatHappenedAndHasRoomToBeWrong(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range allAlarms() {
		if seen[a.Name()] {
			t.Errorf("%s is there twice", a.Name())
		}
		seen[a.Name()] = true
		if len(strings.Fields(a.What)) < 5 || a.Of < 1 || a.Of > a.In || a.MissingMeans == "" {
			t.Errorf("%+v", a)
		}
		if a.Kind == "event-age" && a.Threshold != 90_000 {
			t.Errorf("age alarms at %v ms of 90,000", a.Threshold)
		}
		if a.Kind == "processor-duration" && a.Threshold != 80_000 {
			t.Errorf("duration alarms at %v ms of 100,000", a.Threshold)
		}
	}
	for _, name := range []string{"api-errors", "api-latency", "api-unhealthy", "api-tasks", "processor-errors",
		"processor-throttles", "processor-duration", "processor-lag", "processor-stalled", "processor-unfed", "event-age",
		"dead-letters", "dead-letters-incomplete", "undelivered", "dropped", "undeliverable", "table-throttles",
		"certificate", "cdn-errors", "firewall-surge", "api-memory", "api-cpu", "limits-alone", "slo-accepted-1h",
		"slo-processed-30m",
		"kafka-min-isr-3", "kafka-disk-3", "kafka-replicas-3", "kafka-cpu-3", "kafka-heap-3",
		"kafka-credits-3"} {
		if !seen[name] {
			t.Errorf("nothing wakes anybody for %s", name)
		}
	}
}

func TestEveryAlarmHasAHeadingInTheRunbookAndEveryHeadingAnAlarm(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Alarms\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var headings, kinds []string
	for line := range strings.Lines(section) {
		if heading, is := strings.CutPrefix(line, "### "); is {
			headings = append(headings, strings.TrimSpace(heading))
		}
	}
	for _, a := range allAlarms() {
		kinds = append(kinds, a.Kind)
	}
	for _, c := range composites(everything()) {
		kinds = append(kinds, c.Kind)
	}
	slices.Sort(kinds)
	slices.Sort(headings)
	if diff := cmp.Diff(slices.Compact(kinds), headings); diff != "" {
		t.Errorf("docs/operating.md, section Alarms: -alarms +headings\n%s", diff)
	}
	g := recorded(t, "prod", false)
	for _, n := range append(g.Of("cloudwatch.MetricAlarm"), g.Of("cloudwatch.CompositeAlarm")...) {
		_, anchor, found := strings.Cut(n.Text("alarmDescription"), "docs/operating.md#")
		if !found || !slices.Contains(headings, anchor) {
			t.Errorf("%s leads to %q", n, anchor)
		}
	}
}

// A controller's metric is not reported by KRaft clusters, and a missing one is taken for unchanged.
func TestNoAlarmWaitsForAMetricOfTheController(t *testing.T) {
	for _, a := range allAlarms() {
		if strings.HasPrefix(a.Kind, "kafka-") && (a.Broker == 0 || a.Metric.Name == "OfflinePartitionsCount") {
			t.Errorf("%+v", a)
		}
	}
}

func TestTheShareOfErrorsCountsQuietMinutesAsNone(t *testing.T) {
	if got := percent(2); got != "100*(FILL(m1,0)+FILL(m2,0))/FILL(m0,1)" {
		t.Error(got)
	}
}

func TestTheDashboardAsksWhatTheLocalOneAsksAndAboutTheFunction(t *testing.T) {
	var body struct {
		Widgets []struct {
			Type       string
			X, Y       int
			Width      int
			Properties map[string]any
		}
	}
	c := config{Region: "eu-west-1", Name: "n", Kafka: kafkaConfig{Brokers: 2, Topic: "events"},
		Tracing: tracingConfig{Enabled: true}}
	text := dashboard(c, shown{LoadBalancer: "app/n/1", TargetGroup: "targetgroup/n/2",
		Table: "t", APILog: "/api", ProcessorLog: "/processor"})
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	var headings []string
	last := -1
	local := localQuestions(t)
	for _, w := range body.Widgets {
		if w.Type == "text" {
			if heading, is := strings.CutPrefix(w.Properties["markdown"].(string), "## "); is {
				headings = append(headings, heading)
				if w.Y <= last {
					t.Errorf("%s is above the row before it", heading)
				}
				last = w.Y
			}
		}
		if w.X+w.Width > 24 {
			t.Errorf("%v is off the page", w.Properties)
		}
	}
	for _, question := range append(local, "Are events acted on?", "What was given up on?") {
		if !slices.Contains(headings, question) {
			t.Errorf("nobody asks %q; there are %q", question, headings)
		}
	}
	if strings.Contains(text, "$") {
		t.Error("a name that deployment makes was not filled in")
	}
}

// localQuestions are the headings of the dashboard for a laptop.
func localQuestions(t *testing.T) (questions []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "observability/dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct{ Type, Title string }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Type == "row" {
			question, _, _ := strings.Cut(p.Title, " (") // what follows is about the laptop
			questions = append(questions, question)
		}
	}
	if len(questions) < 5 {
		t.Fatalf("the local dashboard asks only %q", questions)
	}
	return questions
}

// An alarm that is called otherwise would be watched for ever in vain: neither ECS nor CloudWatch refuses its name
// here.
func TestTheAlarmsThatTakeARollOutBackAreThere(t *testing.T) {
	for _, stack := range stacks {
		g := recorded(t, stack, false)
		for _, kind := range append(slices.Clone(apiRollOutAlarms), processorRollOutAlarms...) {
			find(t, g, "cloudwatch.MetricAlarm", kind)
		}
		service := find(t, g, "ecs.Service", "api")
		for _, kind := range apiRollOutAlarms {
			urn := find(t, g, "cloudwatch.MetricAlarm", kind).URN
			if !slices.Contains(service.DependsOn, urn) {
				t.Errorf("%s: the service does not wait for alarm %s", stack, kind)
			}
		}
	}
}
