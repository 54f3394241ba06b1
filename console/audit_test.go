package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

// lifeOf is the timeline on the page of the record at this place.
func (p *page) lifeOf(place string) (d document, life string) {
	p.Helper()
	status, answer := p.ask(http.MethodGet, "/api/event?"+place, "")
	if err := json.Unmarshal([]byte(answer), &d); err != nil || status != http.StatusOK {
		p.Fatalf("%d %s", status, answer)
	}
	var lines []string
	for _, s := range d.Steps {
		lines = append(lines, fmt.Sprint(s.State, " ", s.Attempt, " ", s.Error, " ", s.From))
	}
	return d, strings.Join(lines, "\n")
}

func TestAnEventsLifeIsOneTimelineOfWhatThePartsTell(t *testing.T) {
	began := time.Now().Add(-time.Minute).UTC()
	id := event.Identity{Source: "/s", ID: "a"}
	r := eventRecord(0, "a", "k", nil)
	r.Timestamp = began
	o := event.Outcome{
		Status: event.StatusDeadLettered, Attempts: 2, At: began.Add(3 * time.Second), Reason: "boom",
		Letter: event.Place{Topic: "events.dlq", Offset: 4},
	}
	p := open(t, &topics{records: []event.Record{r}}, outcomes{id: o})
	place := "topic=events&partition=0&offset=0"
	if _, life := p.lifeOf(place); life != "accepted 0  Kafka\ndead-lettered 2 boom store" {
		t.Errorf("without the log it is\n%s", life)
	}
	at := func(seconds int, s Step) {
		s.Source, s.ID, s.At = "/s", "a", began.Add(time.Duration(seconds)*time.Second)
		p.console.parts.Journal.Add(s)
	}
	at(1, Step{State: Retrying, Attempt: 1, Error: "boom"})
	at(3, Step{State: DeadLettered, Attempt: 2, Error: "boom"})
	at(9, Step{State: Replayed})
	want := "accepted 0  Kafka\nretrying 1 boom log\ndead-lettered 2 boom log\nreplayed 0  log"
	if _, life := p.lifeOf(place); life != want {
		t.Errorf("with the log it is\n%s", life)
	}
	again := r
	again.Headers = append(again.Headers, event.Header{Key: "replay"})
	replay := open(t, &topics{records: []event.Record{again}}, nil)
	if _, life := replay.lifeOf(place); life != "replayed 0  Kafka" {
		t.Errorf("a replay's is\n%s", life)
	}
}

func TestTheLineThatAsksTheArchiveNamesTheEventAndRunsNothing(t *testing.T) {
	e := event.Event{ID: "-x'; touch taken; '$(touch taken)", Source: "/s `touch taken`"}
	line := auditLine(&e)
	script := strings.Replace(line, "go run ./cmd/eventctl", "printf '%s|'", 1)
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
	if want := "audit|--source=" + e.Source + "|--|" + e.ID + "|"; err != nil || string(out) != want {
		t.Errorf("%s makes %q, %v; want %q", line, out, err, want)
	}
	for _, unseen := range []event.Event{{ID: "a\x1b[2J", Source: "/s"}, {ID: "a", Source: "/\u202e"}, {Source: "/s"}} {
		if line := auditLine(&unseen); line != "" {
			t.Errorf("%q is named by %q", unseen.ID, line)
		}
	}
}
