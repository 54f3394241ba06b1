package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEveryAlarmSaysWhatToDoAndHasRoomToBeWrong(t *testing.T) {
	c := config{Name: "n", Kafka: kafkaConfig{Brokers: 3, Topic: "events"}, API: apiConfig{MinTasks: 2}, Processor: processorConfig{TimeoutSeconds: 100, Provisioned: &provisionedConfig{}}, Alarms: alarmsConfig{EventAgeSeconds: 90}}
	seen := map[string]bool{}
	for _, a := range alarms(c, "f", "g") {
		if seen[a.Name] {
			t.Errorf("%s is there twice", a.Name)
		}
		seen[a.Name] = true
		if len(strings.Fields(a.What)) < 5 || a.Of < 1 || a.Of > a.In || a.MissingMeans == "" {
			t.Errorf("%+v", a)
		}
		if a.Name == "event-age" && a.Threshold != 90_000 {
			t.Errorf("age alarms at %v ms of 90,000", a.Threshold)
		}
		if a.Name == "processor-duration" && a.Threshold != 80_000 {
			t.Errorf("duration alarms at %v ms of 100,000", a.Threshold)
		}
	}
	for _, name := range []string{"api-errors", "api-latency", "api-unhealthy", "api-tasks", "processor-errors", "processor-throttles", "processor-duration", "processor-lag", "event-age", "dead-letters", "undelivered", "kafka-offline", "kafka-disk-3", "kafka-replicas-3"} {
		if !seen[name] {
			t.Errorf("nothing wakes anybody for %s", name)
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
	c := config{Region: "eu-west-1", Name: "n", Kafka: kafkaConfig{Brokers: 2, Topic: "events"}, Tracing: tracingConfig{Enabled: true}}
	text := dashboard(c, shown{Function: "f", Group: "g", LoadBalancer: "app/n/1", TargetGroup: "targetgroup/n/2", Table: "t", APILog: "/api", ProcessorLog: "/processor"})
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
