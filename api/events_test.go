package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"event-processing-service/api"
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

// The processor takes a record with dlq- headers for a replayed dead letter.
func TestNoClientCanSetAHeaderOfADeadLetter(t *testing.T) {
	s := start(t)
	s.post("text/plain", "x", "ce-id", "b-1", "ce-source", "/x", "ce-type", "t", "ce-specversion", "1.0",
		"dlq-hops", "7", "ce-dlqhops", "7", "dlq_hops", "7", "dlq-processor", "audit", "dlq-original-topic", "events",
		"dlq-original-partition", "0", "dlq-original-offset", "0", "dlq-original-timestamp", "0").want(202)
	r := s.records(1)[0]
	if header(r, "ce_dlqhops") != "7" {
		t.Errorf("the extension is not kept: %v", r.Headers)
	}
	for _, h := range r.Headers {
		if strings.HasPrefix(strings.ToLower(h.Key), "dlq") {
			t.Errorf("the record has a header %s", h.Key)
		}
	}
	s.post("text/plain", "x", "ce-id", "b-1", "ce-source", "/x", "ce-type", "t", "ce-specversion", "1.0",
		"ce-dlq-hops", "7").want(400)
	s.post("application/cloudevents+json",
		`{"specversion":"1.0","id":"b-1","source":"/x","type":"t","dlq-processor":"audit"}`).want(400)
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
