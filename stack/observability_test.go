package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryAlarmSaysWhatToDoAndHasRoomToBeWrong(t *testing.T) {
	c := config{Name: "n", Kafka: kafkaConfig{Brokers: 3, Topic: "events"}, API: apiConfig{MinTasks: 2}, Processor: processorConfig{TimeoutSeconds: 100, Provisioned: &provisionedConfig{}}}
	seen := map[string]bool{}
	for _, a := range alarms(c, "f", "g") {
		if seen[a.Name] {
			t.Errorf("%s is there twice", a.Name)
		}
		seen[a.Name] = true
		if len(strings.Fields(a.What)) < 5 || a.Of < 1 || a.Of > a.In || a.MissingMeans == "" {
			t.Errorf("%+v", a)
		}
		if a.Name == "processor-duration" && a.Threshold != 80_000 {
			t.Errorf("duration alarms at %v ms of 100,000", a.Threshold)
		}
	}
	for _, name := range []string{"api-errors", "api-latency", "api-unhealthy", "api-tasks", "processor-errors", "processor-throttles", "processor-duration", "processor-lag", "dead-letters", "undelivered", "kafka-offline", "kafka-disk-3", "kafka-replicas-3"} {
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

func TestTheDashboardFollowsAnEventDownThePage(t *testing.T) {
	var body struct {
		Widgets []struct {
			Type       string
			X, Y       int
			Width      int
			Properties map[string]any
		}
	}
	text := dashboard(config{Region: "eu-west-1", Name: "n", Kafka: kafkaConfig{Brokers: 2, Topic: "events"}}, "f", "g", "app/n/1", "targetgroup/n/2", "t")
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	var headings []string
	last := -1
	for _, w := range body.Widgets {
		if w.Type == "text" {
			headings = append(headings, w.Properties["markdown"].(string))
			if w.Y <= last {
				t.Errorf("%v is above the row before it", w.Properties["markdown"])
			}
			last = w.Y
		}
		if w.X+w.Width > 24 {
			t.Errorf("%v is off the page", w.Properties)
		}
	}
	want := []string{"## 1. Requests come in", "## 2. Kafka stores them", "## 3. The processor acts on them", "## 4. What became of them"}
	if diff := cmp.Diff(want, headings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if strings.Contains(text, "$") {
		t.Error("a name that deployment makes was not filled in")
	}
}
