package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

const structured = `{"specversion":"1.0","id":"e-1","source":"/orders","type":"order.created","subject":"o-7",` +
	`"data":{"n":1, "kept":  "as is"}}`

type accepted struct {
	ID, Source, Topic string
	Partition         int32
	Offset            int64
}

func TestAStructuredEventIsARecordInBinaryModeWithItsDataUnchanged(t *testing.T) {
	s := start(t)
	a := s.post("application/cloudevents+json; charset=UTF-8", structured, "X-Request-Id", "req-42").want(202)
	var got accepted
	a.json(&got)
	r := s.records(1)[0]
	if got != (accepted{"e-1", "/orders", "events", r.Partition, r.Offset}) {
		t.Errorf("answered %+v for record %d/%d", got, r.Partition, r.Offset)
	}
	if a.header.Get("Location") != "/v1/events/e-1?source=%2Forders" {
		t.Errorf("Location is %q", a.header.Get("Location"))
	}
	if string(r.Value) != `{"n":1, "kept":  "as is"}` || string(r.Key) != "o-7" {
		t.Errorf("record has key %q, value %q", r.Key, r.Value)
	}
	for key, want := range map[string]string{"ce_specversion": "1.0", "ce_id": "e-1", "ce_source": "/orders",
		"ce_type":    "order.created",
		"ce_subject": "o-7", "content-type": "application/json", "x-request-id": "req-42"} {
		if header(r, key) != want {
			t.Errorf("header %s is %q, want %q", key, header(r, key), want)
		}
	}
}

func TestABinaryEventKeepsItsBodyAndContentType(t *testing.T) {
	s := start(t)
	s.post("text/plain", "any \x00 bytes", "ce-id", "b-1", "ce-source", "/x", "ce-type", "t", "ce-specversion", "1.0",
		"Ce-Subject", "Euro%20%E2%82%AC", "ce-partitionkey", "k").want(202)
	r := s.records(1)[0]
	if string(r.Value) != "any \x00 bytes" || header(r, "content-type") != "text/plain" || string(r.Key) != "k" ||
		header(r, "ce_subject") != "Euro €" {
		t.Errorf("record is %q %q %q %q", r.Value, header(r, "content-type"), r.Key, header(r, "ce_subject"))
	}
}

func TestPlainJSONIsFilledIn(t *testing.T) {
	s := start(t)
	var got accepted
	a := s.post("application/json", `{"type":"order.created","data":{"n":1}}`).want(202)
	a.json(&got)
	r := s.records(1)[0]
	if got.ID == "" || header(r, "ce_id") != got.ID || got.Source != api.DefaultSource || header(r, "ce_time") == "" {
		t.Errorf("answered %+v for headers %v", got, r.Headers)
	}
	if a.header.Get("Location") != "/v1/events/"+got.ID {
		t.Errorf("Location is %q", a.header.Get("Location"))
	}
}

func TestTheIdempotencyKeyIsTheIDOfAnEventWithoutOne(t *testing.T) {
	s := start(t)
	var first, second, own accepted
	s.post("application/json", `{"type":"t"}`, "Idempotency-Key", `"k-1"`).want(202).json(&first)
	s.post("application/json", `{"type":"t"}`, "Idempotency-Key", `k-1`).want(202).json(&second)
	s.post("application/json", `{"type":"t","id":"mine"}`, "Idempotency-Key", `"k-1"`).want(202).json(&own)
	if first.ID != "k-1" || second.ID != "k-1" || own.ID != "mine" {
		t.Errorf("ids are %q, %q and %q", first.ID, second.ID, own.ID)
	}
	s.post("application/json", `{"type":"t"}`, "Idempotency-Key", `""`).problem(400)
}

func TestABatchHasAnOutcomeForEachEventAndStoresTheGoodOnes(t *testing.T) {
	s := start(t)
	big := `{"specversion":"1.0","id":"big","source":"/s","type":"t","data":"` + strings.Repeat("x", 1<<20) + `"}`
	batch := "[" + strings.Join([]string{
		`{"specversion":"1.0","id":"good-0","source":"/s","type":"t","data":0}`,
		`{"specversion":"1.0","id":"bad-1","source":"/s","data":1}`,
		big,
		`7`,
		`{"specversion":"1.0","id":"good-4","source":"/s","type":"t","data":4}`,
	}, ",") + "]"
	var got struct {
		Accepted, Rejected int
		Results            []struct {
			Index   int
			ID      string
			Status  int
			Problem *problemDocument
		}
	}
	s.post("application/cloudevents-batch+json", batch).want(207).json(&got)
	if got.Accepted != 2 || got.Rejected != 3 || len(got.Results) != 5 {
		t.Fatalf("got %+v", got)
	}
	for i, want := range []struct {
		status int
		id     string
	}{{202, "good-0"}, {400, "bad-1"}, {413, "big"}, {400, ""}, {202, "good-4"}} {
		r := got.Results[i]
		if r.Index != i || r.Status != want.status || r.ID != want.id || (r.Problem != nil) != (want.status != 202) {
			t.Errorf("result %d is %+v", i, r)
		}
	}
	if p := got.Results[1].Problem; len(p.Errors) != 1 || p.Errors[0].Pointer != "/1/type" {
		t.Errorf("the fault of event 1 is placed at %+v", p.Errors)
	}
	ids := map[string]bool{}
	for _, r := range s.records(0) {
		ids[header(r, "ce_id")] = true
	}
	if len(ids) != 2 || !ids["good-0"] || !ids["good-4"] {
		t.Errorf("stored are %v", ids)
	}
}

func TestACutCharacterIsTheFaultOfItsEventAlone(t *testing.T) {
	s := start(t)
	cut := strings.Replace(structured, `"as is"`, `"cut \ud83d"`, 1)
	var got struct {
		Accepted int
		Results  []struct {
			Index, Status int
			ID            string
			Problem       *problemDocument
		}
	}
	s.post("application/cloudevents-batch+json", "["+structured+","+cut+","+structured+"]").want(207).json(&got)
	if r := got.Results[1]; got.Accepted != 2 || r.Index != 1 || r.Status != 400 || r.ID != "e-1" ||
		len(r.Problem.Errors) != 1 || r.Problem.Errors[0].Pointer != "/1/data/kept" {
		t.Errorf("got %+v", got)
	}
	s.records(2)
	if p := s.post("application/cloudevents+json", cut).problem(400); len(p.Errors) != 1 ||
		p.Errors[0].Pointer != "/data/kept" {
		t.Errorf("alone it is %+v", p)
	}
}

func TestAnEmptyBatchIsAccepted(t *testing.T) {
	if a := start(t).post("application/cloudevents-batch+json", `[]`).want(202); a.body !=
		`{"accepted":0,"rejected":0,"results":[]}` {
		t.Errorf("answered %s", a.body)
	}
}

func TestABatchOfWhichNothingIsStoredIsNo2xx(t *testing.T) {
	p := start(t).post("application/cloudevents-batch+json", `[{"id":"a"},{"id":"b"}]`).problem(400)
	if len(p.Results) != 2 || p.Results[0].Status != 400 {
		t.Errorf("results are %+v", p.Results)
	}
}

func TestAThousandEventsAreABatchAndOneMoreIsTooMany(t *testing.T) {
	s := start(t)
	events := make([]string, 1001)
	for i := range events {
		events[i] = fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/s","type":"t"}`, i)
	}
	s.post("application/cloudevents-batch+json", "["+strings.Join(events, ",")+"]").problem(413)
	if n := len(s.records(0)); n != 0 {
		t.Errorf("%d events of a refused batch were stored", n)
	}
	s.post("application/cloudevents-batch+json", "["+strings.Join(events[:1000], ",")+"]").want(202)
	s.records(1000)
}

func TestBadInputIsExplainedAndNothingOfItReachesKafka(t *testing.T) {
	with := func(member, value string) string {
		var e map[string]json.RawMessage
		if err := json.Unmarshal([]byte(structured), &e); err != nil {
			t.Fatal(err)
		}
		delete(e, member)
		if value != "" {
			e[member] = json.RawMessage(value)
		}
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	const ce = "application/cloudevents+json"
	binary := []string{"ce-id", "b", "ce-source", "/x", "ce-type", "t", "ce-specversion", "1.0"}
	cases := []struct {
		name, contentType, body string
		headers                 []string
		status                  int
		place                   string // of the one fault: a pointer or a header
	}{
		{"malformed JSON", ce, `{"id":`, nil, 400, ""},
		{"no body", ce, ``, nil, 400, ""},
		{"an array where one event is expected", ce, `[]`, nil, 400, ""},
		{"two values", ce, structured + structured, nil, 400, ""},
		{"no id", ce, with("id", ""), nil, 400, "/id"},
		{"an empty id", ce, with("id", `""`), nil, 400, "/id"},
		{"no source", ce, with("source", ""), nil, 400, "/source"},
		{"an empty source", ce, with("source", `""`), nil, 400, "/source"},
		{"no type", ce, with("type", ""), nil, 400, "/type"},
		{"an id that is a number", ce, with("id", `7`), nil, 400, "/id"},
		{"specversion 0.3", ce, with("specversion", `"0.3"`), nil, 400, "/specversion"},
		{"a bad time", ce, with("time", `"yesterday"`), nil, 400, "/time"},
		{"data beside data_base64", ce, with("data_base64", `"AAA="`), nil, 400, "/data_base64"},
		{"bad Base64", ce, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"%"}`, nil, 400,
			"/data_base64"},
		{"an upper-case extension name", ce, with("orderId", `"1"`), nil, 400, "/orderId"},
		{"an extension that is an object", ce, with("ext", `{}`), nil, 400, "/ext"},
		{"an unknown CloudEvents format", "application/cloudevents+avro", structured, nil, 415, ""},
		{"no content type", "", structured, nil, 415, ""},
		{"a type that is not an event", "text/plain", structured, nil, 415, ""},
		{"JSON in UTF-16", ce + "; charset=utf-16", structured, nil, 415, ""},
		{"a body that is not in the coding it names", ce, structured, []string{"Content-Encoding", "gzip"}, 400, ""},
		{"a body over the limit", ce, strings.Repeat(" ", 4<<20) + structured, nil, 413, ""},
		{"an event over Kafka's limit", ce, with("data", `"`+strings.Repeat("x", 1<<20)+`"`), nil, 413, ""},
		{"invalid UTF-8 in a ce- header", "text/plain", "x", append(binary[:8:8], "ce-subject", "%C0%A0"), 400, "ce-subject"},
		{"a ce-datacontenttype header", "text/plain", "x", append(binary[:8:8], "ce-datacontenttype", "text/plain"), 400,
			"ce-datacontenttype"},
		{"a ce-id that is missing", "text/plain", "x", binary[2:], 400, "ce-id"},
		{"a plain event without a type", "application/json", `{"data":1}`, nil, 400, "/type"},
	}
	s := start(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			one := *s
			one.t = t
			p := one.post(c.contentType, c.body, c.headers...).problem(c.status)
			if c.place == "" {
				return
			}
			if len(p.Errors) != 1 || p.Errors[0].Pointer+p.Errors[0].Header != c.place || p.Errors[0].Detail == "" {
				t.Errorf("faults are %+v, want one at %s", p.Errors, c.place)
			}
		})
	}
	if records := s.records(0); len(records) != 0 {
		t.Errorf("%d bad events reached Kafka", len(records))
	}
}

func TestAllFaultsOfAnEventAreReportedAtOnce(t *testing.T) {
	p := start(t).post("application/cloudevents+json",
		`{"specversion":"0.3","source":"a b","time":"x","Bad":1}`).problem(400)
	if len(p.Errors) != 6 { // specversion, source, time, Bad; id and type are missing
		t.Errorf("reported are %+v", p.Errors)
	}
}

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
