package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func TestAnOutcomeIsFoundWhereTheLocationOfThePostSays(t *testing.T) {
	id := event.Identity{Source: "/orders?x=1&y=ü", ID: "a/b c%"}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	id.Source = "/orders?x=1&y=2"
	s := startWith(t,
		outcomes{id: {Identity: id, Type: "t", Status: event.StatusDeadLettered, Attempts: 5, At: at,
			Place: event.Place{Topic: "events", Partition: 1, Offset: 9}, Reason: "boom"}})
	body, err := json.Marshal(map[string]string{"specversion": "1.0", "id": id.ID, "source": id.Source, "type": "t"})
	if err != nil {
		t.Fatal(err)
	}
	location := s.post("application/cloudevents+json", string(body)).want(202).header.Get("Location")
	got := s.do(http.MethodGet, location, "", "").want(200)
	want := `{"id":"a/b c%","source":"/orders?x=1&y=2","type":"t","status":"dead-lettered","attempts":5,` +
		`"completed_at":"2026-01-02T03:04:05Z","topic":"events","partition":1,"offset":9,"reason":"boom"}`
	if got.body != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
}

func TestAnOutcomeSaysWhereTheDeadLetterIsAndWhetherItWasReplayed(t *testing.T) {
	outcome := event.Outcome{Place: event.Place{Topic: "events", Partition: 1, Offset: 9},
		Status: event.StatusDeadLettered, Attempts: 5, Reason: "boom",
		Letter: event.Place{Topic: "events.dlq", Partition: 2, Offset: 7}}
	again := outcome
	again.Hops, again.Offset, again.Letter.Offset = 1, 20, 8
	known := func(name string) event.Identity { return event.Identity{Source: "/s", ID: name} }
	s := startWith(t, outcomes{
		known("first"): outcome, known("again"): again,
		known("mended"): {Status: event.StatusProcessed, Attempts: 1, Hops: 2,
			Place: event.Place{Topic: "events", Partition: 1, Offset: 21}},
	})
	for name, want := range map[string]string{
		"first": `"status":"dead-lettered","attempts":5,"topic":"events","partition":1,"offset":9,"reason":"boom",` +
			`"dead_letter":{"topic":"events.dlq","partition":2,"offset":7}}`,
		"again": `"status":"dead-lettered","attempts":5,"topic":"events","partition":1,"offset":20,"replays":1,` +
			`"reason":"boom","dead_letter":{"topic":"events.dlq","partition":2,"offset":8}}`,
		"mended": `"status":"processed","attempts":1,"topic":"events","partition":1,"offset":21,"replays":2}`,
	} {
		got := strings.Replace(s.do(http.MethodGet, "/v1/events/"+name+"?source=/s", "", "").want(200).body,
			`"completed_at":"0001-01-01T00:00:00Z",`, "", 1)
		if want = `{"id":"` + name + `","source":"/s",` + want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	const letter = "<dead_letter><topic>events.dlq</topic><partition>2</partition><offset>7</offset></dead_letter>"
	if got := s.do(http.MethodGet, "/v1/events/first?source=/s", "", "", "Accept",
		"application/xml").want(200); !strings.Contains(got.body, letter) {
		t.Errorf("in XML: %s", got.body)
	}
}

func TestAnUnknownOutcomeIs404AndMayBeAskedForAgain(t *testing.T) {
	if p := start(t).do(http.MethodGet, "/v1/events/nobody", "", "").problem(404); !*p.Retryable {
		t.Error("an event that was just accepted is not known yet, so the question is retryable")
	}
}
