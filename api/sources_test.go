package api_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

// processed is a broker whose events are processed at once, as the processor remembers them.
type processed struct {
	mu       sync.Mutex
	outcomes map[event.Identity]event.Outcome
}

func (p *processed) Publish(_ context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	p.mu.Lock()
	defer p.mu.Unlock()
	record := event.Record{Headers: transport}
	for _, e := range events {
		if _, done := p.outcomes[e.Identity()]; !done {
			p.outcomes[e.Identity()] = event.Outcome{Identity: e.Identity(), Type: e.Type, Client: record.Client(),
				Status: event.StatusProcessed}
		}
	}
	return make([]event.Receipt, len(events))
}

func (p *processed) Outcome(_ context.Context, id event.Identity) (event.Outcome, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, known := p.outcomes[id]
	return o, known, nil
}

func (*processed) Check(context.Context) error { return nil }

const (
	shopKey    = "shop-key-old"
	billingKey = "billing-key"
	webKey     = "web-key"
)

func serveClients(t *testing.T) (*service, *processed) {
	p := &processed{outcomes: map[event.Identity]event.Outcome{}}
	return serve(t, p, p, func(c *api.Config) {
		withKeys(c)
		c.Clients["web/1"] = api.Client{Keys: hashes(webKey), Sources: []string{"/web/*", "/orders/web"}}
		c.Clients["admin"] = api.Client{Keys: hashes("admin-key"), Sources: []string{"*"}}
	}), p
}

func TestTwoClientsWithOneIdempotencyKeyHaveTwoEventsAndReadTheirOwn(t *testing.T) {
	s, p := serveClients(t)
	for key, eventType := range map[string]string{shopKey: "of.shop", billingKey: "of.billing"} {
		a := s.post("application/json", `{"type":"`+eventType+`"}`, "Idempotency-Key", `"1"`, "X-API-Key", key).want(202)
		if location := a.header.Get("Location"); location != "/v1/events/1" {
			t.Errorf("Location is %q", location)
		}
	}
	if len(p.outcomes) != 2 {
		t.Errorf("two posts took effect %d times", len(p.outcomes))
	}
	for key, want := range map[string]string{shopKey: "of.shop", billingKey: "of.billing"} {
		if a := s.do(http.MethodGet, "/v1/events/1", "", "", "X-API-Key", key).want(200); !strings.Contains(a.body, want) {
			t.Errorf("%s reads %s", key, a.body)
		}
	}
	const source = "/v1/events/1?source=/event-processing-service/api/shop"
	s.do(http.MethodGet, source, "", "", "X-API-Key", shopKey).want(200)
	s.do(http.MethodGet, source, "", "", "X-API-Key", billingKey).problem(404)
}

func TestAnOutcomeIsReadByWhoPostedItsEvent(t *testing.T) {
	s, p := serveClients(t)
	s.post("application/cloudevents+json", structured, "X-API-Key", shopKey).want(202)
	// a producer's own record
	p.outcomes[event.Identity{Source: "/foreign", ID: "1"}] = event.Outcome{Status: event.StatusProcessed}
	p.outcomes[event.Identity{Source: "/web/a", ID: "1"}] = event.Outcome{Status: event.StatusProcessed}
	for path, readers := range map[string]map[string]int{
		"/v1/events/e-1?source=/orders": {shopKey: 200, billingKey: 404, webKey: 404, "admin-key": 404},
		"/v1/events/1?source=/foreign":  {shopKey: 200, billingKey: 200, webKey: 404, "admin-key": 200},
		"/v1/events/1?source=/web/a":    {shopKey: 404, billingKey: 404, webKey: 200, "admin-key": 200},
	} {
		for key, want := range readers {
			if a := s.do(http.MethodGet, path, "", "", "X-API-Key", key); a.status != want {
				t.Errorf("%s with %s is answered with %d, want %d", path, key, a.status, want)
			}
		}
	}
}

func TestAClientPostsNoSourceOfAnother(t *testing.T) {
	s, _ := serveClients(t)
	for _, c := range []struct {
		key, source string
		status      int
	}{
		{shopKey, "/orders", 202}, {shopKey, "/web", 202}, {shopKey, "/web/a", 403}, {shopKey, "/orders/web", 403},
		{shopKey, "/orders/web/2", 202},
		{shopKey, "/event-processing-service/api", 202}, {shopKey, "/event-processing-service/api/shop", 202},
		{shopKey, "/event-processing-service/processor", 403}, {webKey, "/event-processing-service/processor", 403},
		{shopKey, "/event-processing-service/api/billing", 403}, {shopKey, "/event-processing-service/api/nobody", 403},
		{webKey, "/web/a", 202}, {webKey, "/web/a/b", 202}, {webKey, "/orders/web", 202}, {webKey, "/web", 403},
		{webKey, "/orders", 403},
		{webKey, "/event-processing-service/api", 403}, {webKey, "/event-processing-service/api/web%2F1", 202},
		{"admin-key", "/web/a", 202}, {"admin-key", "/orders", 202}, {"admin-key", "/event-processing-service/api/shop", 403},
	} {
		for name, post := range map[string]func() answer{
			"structured": func() answer {
				return s.post("application/cloudevents+json", strings.Replace(structured, `"/orders"`, `"`+c.source+`"`, 1),
					"X-API-Key", c.key)
			},
			"binary": func() answer {
				return s.post("text/plain", "x", "ce-id", "1", "ce-source", strings.ReplaceAll(c.source, "%", "%25"), "ce-type",
					"t", "ce-specversion", "1.0", "X-API-Key", c.key)
			},
			"plain": func() answer {
				return s.post("application/json", `{"type":"t","source":"`+c.source+`"}`, "X-API-Key", c.key)
			},
		} {
			a := post()
			if a.status != c.status {
				t.Errorf("%s posts %s in %s mode: %d, want %d", c.key, c.source, name, a.status, c.status)
			} else if c.status == 403 {
				if p := a.problem(403); len(p.Errors) != 1 ||
					p.Errors[0].Pointer+p.Errors[0].Header != map[string]string{"binary": "ce-source"}[name]+strings.Repeat("/source",
						min(1, len(p.Errors[0].Pointer))) {
					t.Errorf("the fault is at %+v", p.Errors)
				}
			}
		}
	}
	mixed := "[" + structured + "," + strings.Replace(structured, `"/orders"`, `"/web/x"`, 1) + "]"
	var got struct{ Results []struct{ Status int } }
	s.post("application/cloudevents-batch+json", mixed, "X-API-Key", shopKey).want(207).json(&got)
	if got.Results[0].Status != 202 || got.Results[1].Status != 403 {
		t.Errorf("a batch is answered with %+v", got)
	}
}

// A foreign producer's record has its position for an id: whoever posts that first would erase the record.
func TestTheSourcesOfPositionsAreNobodys(t *testing.T) {
	for name, s := range map[string]*service{"with keys": func() *service { s, _ := serveClients(t); return s }(),
		"open": serve(t, &broker{}, nil)} {
		body := `{"specversion":"1.0","id":"events/0/16345","source":"/kafka/events","type":"t"}`
		for _, key := range []string{shopKey, "admin-key"} {
			p := s.post("application/cloudevents+json", body, "X-API-Key", key).problem(400)
			if len(p.Errors) != 1 || p.Errors[0].Pointer != "/source" || !strings.Contains(p.Errors[0].Detail, "/kafka/") {
				t.Errorf("%s: %+v", name, p.Errors)
			}
		}
	}
}

func TestNamesOfEventsAreBounded(t *testing.T) {
	s := serve(t, &broker{}, nil)
	body := func(id, source string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"` + source + `","type":"t"}`
	}
	const kib = 1 << 10
	s.post("application/cloudevents+json", body(strings.Repeat("i", kib), "/"+strings.Repeat("s", kib-1))).want(202)
	p := s.post("application/cloudevents+json",
		body(strings.Repeat("i", kib+1), "/"+strings.Repeat("s", kib))).problem(400)
	if len(p.Errors) != 2 || p.Errors[0].Pointer != "/id" || p.Errors[1].Pointer != "/source" {
		t.Errorf("faults are %+v", p.Errors)
	}
	if p = s.post("text/plain", "", "ce-id", strings.Repeat("i", kib+1), "ce-source", "/s", "ce-type", "t",
		"ce-specversion", "1.0").problem(400); p.Errors[0].Header != "ce-id" {
		t.Errorf("faults are %+v", p.Errors)
	}
}

func TestALocationLeadsBackWhateverTheIDIs(t *testing.T) {
	p := &processed{outcomes: map[event.Identity]event.Outcome{}}
	s := serve(t, p, p)
	for _, id := range []string{"..", ".", "...", "../..", "a/../b", "/", "//", "%2e%2e", "-", "?event_id=x", "#", " ",
		"é", `\`, "..;", strings.Repeat("ü/", 340)} {
		for _, source := range []string{"/s?a=b&id=c#d", "..", "https://example.com/%2F..", api.DefaultSource} {
			a := s.post("application/cloudevents+json",
				`{"specversion":"1.0","id":"`+strings.ReplaceAll(id, `\`, `\\`)+`","source":"`+source+`","type":"t"}`).want(202)
			var got struct{ ID, Source string }
			s.do(http.MethodGet, a.header.Get("Location"), "", "").want(200).json(&got)
			if got.ID != id || got.Source != source {
				t.Errorf("the Location of %q of %q leads to %+v", id, source, got)
			}
		}
	}
}

// An answer is not a multiple of what a client sends: its text comes back briefly, and not escaped for HTML.
func TestAnAnswerIsSmallWhateverIsSent(t *testing.T) {
	s := serve(t, &broker{}, outcomes{})
	long := strings.Repeat("<", 1<<20)
	for name, a := range map[string]answer{
		"a member's name": s.post("application/cloudevents+json", `{"`+long+`":1}`),
		"an id":           s.post("application/cloudevents-batch+json", `[{"id":"`+long+`"}]`),
		"a name in data": s.post("application/cloudevents+json",
			strings.Replace(placed, `"amount":5`, `"`+long+`":"`+long+`","amount":"`+long+`"`, 1)),
		"a value":            s.post("application/cloudevents+json", strings.Replace(placed, `"EUR"`, `"`+long+`"`, 1)),
		"a media type":       s.post("text/"+long[:20_000], "x"),
		"an encoding":        s.post("application/json", "{}", "Content-Encoding", long[:20_000]),
		"a path":             s.do(http.MethodGet, "/"+strings.Repeat("x", 20_000), "", ""),
		"an id that is long": s.do(http.MethodGet, "/v1/events/"+strings.Repeat("x", 20_000), "", ""),
	} {
		if a.status < 400 || len(a.body) > 3<<10 || strings.Contains(a.body, `\u003c`) {
			t.Errorf("%s is answered with %d and %d bytes: %.200s", name, a.status, len(a.body), a.body)
		}
	}
}
