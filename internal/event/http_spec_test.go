package event_test

import (
	"errors"
	"strings"
	"testing"

	"event-processing-service/internal/event"
)

// The sections are those of the HTTP Protocol Binding for CloudEvents, version 1.0.2.
func TestContentTypeChoosesTheMode(t *testing.T) {
	tests := map[string]struct {
		contentType string
		attributes  bool
		want        event.Mode // 0: refused
	}{
		"HTTP 1.4 the JSON format is structured mode": {"application/cloudevents+json", false,
			event.ModeStructured},
		"HTTP 3.2.1 parameters are allowed": {
			"application/cloudevents+json; charset=UTF-8", false, event.ModeStructured},
		"HTTP 3 the media type is matched without regard to case": {
			"Application/CloudEvents+JSON;charset=utf-8", false, event.ModeStructured},
		"HTTP 3.2.3 ce- headers beside a structured event do not change the mode": {"application/cloudevents+json", true,
			event.ModeStructured},
		"HTTP 3.3.1 the JSON batch format is batched mode": {
			"application/cloudevents-batch+json; charset=UTF-8", false, event.ModeBatch},
		"HTTP 3.3.1 a batch is matched without regard to case": {"APPLICATION/CLOUDEVENTS-BATCH+JSON",
			true, event.ModeBatch},
		"HTTP 3 anything else with ce- headers is binary mode": {"image/png", true, event.ModeBinary},
		"HTTP 3 JSON with ce- headers is binary mode": {"application/json", true,
			event.ModeBinary},
		"HTTP 3 no Content-Type with ce- headers is binary mode":        {"", true, event.ModeBinary},
		"HTTP 3 an unknown event format is refused":                     {"application/cloudevents+avro", false, 0},
		"HTTP 3 an unknown event format is refused, ce- headers or not": {"application/cloudevents+avro", true, 0},
		"HTTP 3 an unknown batch format is refused": {"application/cloudevents-batch+xml", true,
			0},
		"HTTP 3 the bare CloudEvents media type names no format": {"application/cloudevents", true, 0},
		"HTTP 3 the CloudEvents prefix counts even with a broken parameter": {"application/cloudevents+json; x", true,
			event.ModeStructured},
		"JSON without ce- headers is a plain event":     {"application/json; charset=utf-8", false, event.ModePlain},
		"JSON in another charset than UTF-8 is refused": {"application/cloudevents+json; charset=iso-8859-1", false, 0},
		"a batch in another charset": {"application/cloudevents-batch+json; charset=utf-16",
			false, 0},
		"binary data may be in any charset":                  {"text/plain; charset=iso-8859-1", true, event.ModeBinary},
		"any other type without ce- headers is not an event": {"text/plain", false, 0},
		"no Content-Type and no ce- headers is not an event": {"", false, 0},
		"what is not a media type is not an event":           {"json", false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			mode, err := event.DetectMode(test.contentType, test.attributes)
			if mode != test.want || (err == nil) != (test.want != 0) {
				t.Fatalf("mode is %d, %v; want %d", mode, err, test.want)
			}
			if err != nil && (!errors.Is(err, event.ErrUnsupportedMedia) || !strings.Contains(err.Error(), "send")) {
				t.Errorf("the error does not say what to send: %v", err)
			}
		})
	}
}

func TestBinaryMode(t *testing.T) {
	with := func(change func(*event.Event)) event.Event {
		e := good()
		change(&e)
		return e
	}
	subject := func(s string) event.Event { return with(func(e *event.Event) { e.Subject = s }) }
	tests := map[string]struct {
		changes []change
		want    event.Event
	}{
		"HTTP 3.1.3.1 header names are matched without regard to case": {
			[]change{{"ce-type", ""}, {"Ce-TYPE", "com.example.someevent"}}, good(),
		},
		"HTTP 3.1.3 each attribute has a header of its own": {
			[]change{{"ce-subject", "s"}, {"ce-time", "2018-04-05T03:56:24Z"}, {"ce-dataschema", "urn:x:y"}},
			with(func(e *event.Event) { e.Subject, e.Time, e.DataSchema = "s", "2018-04-05T03:56:24Z", "urn:x:y" }),
		},
		"HTTP 3.1.3 extensions come with the prefix, too": {
			[]change{{"Ce-Comexampleothervalue", "5"}},
			with(func(e *event.Event) { e.Extensions = []event.Extension{{Name: "comexampleothervalue", Value: "5"}} }),
		},
		"HTTP 3.1.3 other headers are not attributes": {
			[]change{{"Host", "localhost"}, {"X-Ce-Id", "x"}, {"cell", "x"}}, good()},
		"HTTP 3.1.3.2 values are percent-decoded": {
			[]change{{"ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"}}, subject("Euro € 😀")},
		"HTTP 3.1.3.2 lower-case escapes are taken": {[]change{{"ce-subject", "%e2%82%ac"}},
			subject("€")},
		"HTTP 3.1.3.2 needless escapes are taken": {[]change{{"ce-subject", "%41%62c"}},
			subject("Abc")},
		"HTTP 3.1.3.2 there is one round of decoding only": {[]change{{"ce-subject", "%2541"}},
			subject("%41")},
		"HTTP 3.1.3.2 a quoted value is unquoted first": {[]change{{"ce-subject", `"a b"`}},
			subject("a b")},
		"HTTP 3.1.3.2 backslashes inside of quotes are undone": {[]change{{"ce-subject", `"a \"b\" \\ c"`}},
			subject(`a "b" \ c`)},
		"HTTP 3.1.3.2 escapes inside of quotes are decoded after unquoting": {[]change{{"ce-subject", `"%22x%22"`}},
			subject(`"x"`)},
		"HTTP 3.1.3.2 a backslash outside of quotes is text": {[]change{{"ce-subject", `a\b`}}, subject(`a\b`)},
		"HTTP 3.1.3.2 quotes that are not around the whole are text": {[]change{{"ce-subject", `"a" and "b"`}},
			subject(`"a" and "b"`)},
		"HTTP 3.1.3.2 a quote that is never closed is text":        {[]change{{"ce-subject", `"a\"`}}, subject(`"a\"`)},
		"HTTP 3.1.3.2 raw UTF-8 is taken, as many clients send it": {[]change{{"ce-subject", "é"}}, subject("é")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := event.ParseBinary("application/json", headers(test.changes...), []byte(`{"n":1}`))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, e, test.want)
		})
	}
}

func TestBinaryModeData(t *testing.T) {
	tests := map[string]struct {
		contentType string
		body        []byte
		want        []byte
	}{
		"HTTP 3.1.1 Content-Type is datacontenttype, parameters and all": {"Text/Plain; charset=ISO-8859-1", []byte("\xe9"),
			[]byte("\xe9")},
		"HTTP 3.1.2 the body is the data, JSON or not, well-formed or not": {"application/json", []byte("{ not json"),
			[]byte("{ not json")},
		"HTTP 3.1.2 no body is no data":                      {"application/json", []byte{}, nil},
		"HTTP 3.1.1 without Content-Type nothing is implied": {"", []byte{0, 255}, []byte{0, 255}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := event.ParseBinary(test.contentType, headers(), test.body)
			if err != nil {
				t.Fatal(err)
			}
			want := good()
			want.DataContentType, want.Data = test.contentType, test.want
			equal(t, e, want)
		})
	}
}
