package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

type brokenOutcomes struct{ outcomes }

func (brokenOutcomes) Outcome(context.Context, event.Identity) (event.Outcome, bool, error) {
	return event.Outcome{}, false, errors.New("no table")
}

var (
	known  = event.Identity{Source: "/s", ID: "1"}
	taken  = event.Place{Topic: "events", Partition: 1, Offset: 9}
	doneAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	ofFirst = outcomes{known: {Status: event.StatusProcessed, Attempts: 1, At: doneAt, Place: taken}}
	ofAudit = outcomes{known: {Status: event.StatusDeadLettered, Attempts: 5, At: doneAt, Place: taken, Hops: 1,
		Reason: "boom", Letter: event.Place{Topic: "events.dlq.audit", Partition: 2, Offset: 7}}}
)

func with(processors ...api.Processor) func(*api.Config) {
	return func(c *api.Config) { c.Processors = processors }
}

func TestAnOutcomeTellsOfTheFirstProcessorAndListsTheOthers(t *testing.T) {
	const first = `{"id":"1","source":"/s","status":"processed","attempts":1,"completed_at":"2026-01-02T03:04:05Z",` +
		`"topic":"events","partition":1,"offset":9`
	for name, c := range map[string]struct {
		change func(*api.Config)
		want   string
	}{
		"one processor": {with(), first + `}`},
		"several": {with(api.Processor{Name: "audit", Outcomes: ofAudit}, api.Processor{Name: "late", Outcomes: outcomes{}}),
			first + `,"processors":[{"name":"audit","status":"dead-lettered","attempts":5,` +
				`"completed_at":"2026-01-02T03:04:05Z","replays":1,"reason":"boom",` +
				`"dead_letter":{"topic":"events.dlq.audit","partition":2,"offset":7}},{"name":"late"}]}`},
	} {
		s := startWith(t, ofFirst, c.change)
		if got := s.do(http.MethodGet, "/v1/events/1?source=/s", "", "").want(200).body; got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}

func TestAProcessorCanBeAskedForByItsName(t *testing.T) {
	s := startWith(t, outcomes{}, with(api.Processor{Name: "audit", Outcomes: ofAudit}))
	s.do(http.MethodGet, "/v1/events/1?source=/s", "", "").problem(404) // the first is not done
	got := s.do(http.MethodGet, "/v1/events/1?source=/s&processor=audit", "", "").want(200).body
	if !strings.Contains(got, `"status":"dead-lettered"`) || strings.Contains(got, "processors") {
		t.Errorf("it is %s", got)
	}
	p := s.do(http.MethodGet, "/v1/events/1?source=/s&processor=adit", "", "").problem(400)
	if len(p.Errors) != 1 || p.Errors[0].Parameter != "processor" || !strings.Contains(p.Errors[0].Detail, `"adit"`) {
		t.Errorf("a processor that is not there: %+v", p)
	}
	got = startWith(t, ofFirst, with(api.Processor{Name: "audit", Outcomes: ofAudit})).
		do(http.MethodGet, "/v1/events/1?source=/s", "", "", "Accept", "application/xml").want(200).body
	if !strings.Contains(got, "<processors><i><name>audit</name><status>dead-lettered</status>") {
		t.Errorf("in XML: %s", got)
	}
}

func TestAnEventInATopicThatTheFirstDoesNotReadIsToldOfByWhoReadsIt(t *testing.T) {
	elsewhere := outcomes{known: {Status: event.StatusProcessed, Attempts: 2, At: doneAt,
		Place: event.Place{Topic: "orders", Partition: 5, Offset: 3}}}
	several := with(api.Processor{Name: "audit", Outcomes: elsewhere}, api.Processor{Name: "late", Outcomes: outcomes{}})
	s := startWith(t, outcomes{}, func(c *api.Config) {
		several(c)
		c.Topic = "events"
	})
	const want = `{"id":"1","source":"/s","status":"processed","attempts":2,"completed_at":"2026-01-02T03:04:05Z",` +
		`"topic":"orders","partition":5,"offset":3,"processors":[{"name":"late"}]}`
	if got := s.do(http.MethodGet, "/v1/events/1?source=/s", "", "").want(200).body; got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
	// The first will be done with this one, later than audit.
	s = startWith(t, outcomes{}, func(c *api.Config) {
		with(api.Processor{Name: "audit", Outcomes: ofAudit})(c)
		c.Topic = "events"
	})
	s.do(http.MethodGet, "/v1/events/1?source=/s", "", "").problem(404)
}

func TestAStoreThatFailsForOneProcessorIs503(t *testing.T) {
	s := startWith(t, ofFirst, with(api.Processor{Name: "audit", Outcomes: brokenOutcomes{}}))
	if p := s.do(http.MethodGet, "/v1/events/1?source=/s", "", "").problem(503); !*p.Retryable {
		t.Error("it is not retryable")
	}
}
