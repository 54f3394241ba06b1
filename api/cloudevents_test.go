package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The sections are those of CloudEvents 1.0.2 and of its HTTP and Kafka bindings and JSON format. What follows goes
// through the server: a framework that rewrites a header or a body would be as wrong as a decoder that misreads it.

const (
	one   = "application/cloudevents+json"
	batch = "application/cloudevents-batch+json"
)

// required are the headers of an event in binary mode, with more of them, and of them what takes another's place.
func required(more ...string) []string {
	headers := []string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"}
	for i := 0; i < len(more); i += 2 {
		headers = append(headers, more[i], more[i+1])
	}
	return headers
}

// wanted is a record: the attributes beside the required ones, by header.
type wanted struct {
	key     []byte
	value   []byte
	headers map[string]string
}

func TestEventsOverHTTPBecomeTheRecordsThatTheSpecificationWants(t *testing.T) {
	type of = map[string]string
	subject := func(s string) wanted {
		return wanted{[]byte(s), []byte("x"), of{"content-type": "text/plain", "ce_subject": s}}
	}
	tests := map[string]struct {
		contentType, body string
		headers           []string
		want              wanted
	}{
		"HTTP 1.3 binary mode: Content-Type and headers are the attributes, the body is the data": {
			"text/plain", "x", required("ce-time", "2018-04-05T03:56:24Z", "ce-dataschema", "urn:x:y"),
			wanted{nil, []byte("x"),
				of{"content-type": "text/plain", "ce_time": "2018-04-05T03:56:24Z", "ce_dataschema": "urn:x:y"}},
		},
		"HTTP 1.4 structured mode in the JSON format": {
			one, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":[1.50]}`, nil,
			wanted{nil, []byte("[1.50]"), of{"content-type": "application/json"}},
		},
		"HTTP 3 the media type is matched without regard to case": {
			"Application/CloudEvents+JSON", `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`, nil, wanted{},
		},
		"HTTP 3 JSON with ce- headers is binary, whatever is in it": {
			"application/json", `{"specversion":"0.3"}`, required(),
			wanted{nil, []byte(`{"specversion":"0.3"}`), of{"content-type": "application/json"}},
		},
		"HTTP 3.1.1 Content-Type is kept with its parameters and its case": {
			"Text/XML; Charset=ISO-8859-1", "\xe9", required(),
			wanted{nil, []byte("\xe9"), of{"content-type": "Text/XML; Charset=ISO-8859-1"}},
		},
		"HTTP 3.1.1 without a Content-Type there is no datacontenttype": {
			"", "x", required(), wanted{nil, []byte("x"), nil},
		},
		"HTTP 3.1.2 the body is the data, byte for byte": {
			"application/json", "{ \x00\r\n\xff", required(),
			wanted{nil, []byte("{ \x00\r\n\xff"), of{"content-type": "application/json"}},
		},
		"Kafka 3.2.2 no data is a record without a value": {
			"application/json", "", required(), wanted{nil, nil, of{"content-type": "application/json"}},
		},
		"Kafka 3.2.2 data of no bytes is a value of none": {
			one, `{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"text/plain","data":""}`, nil,
			wanted{nil, []byte{}, of{"content-type": "text/plain"}},
		},
		"HTTP 3.1.3 extensions are headers of their own": {
			"text/plain", "x", required("ce-comexample", "5", "ce-flag", "true"),
			wanted{nil, []byte("x"), of{"content-type": "text/plain", "ce_comexample": "5", "ce_flag": "true"}},
		},
		"HTTP 3.1.3.1 headers without the prefix are not attributes": {
			"text/plain", "x", required("cent", "1", "x-ce-subject", "s", "subject", "s"),
			wanted{nil, []byte("x"), of{"content-type": "text/plain"}},
		},
		"HTTP 3.1.3.2 values are percent-decoded": {"text/plain", "x",
			required("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"), subject("Euro € 😀")},
		"HTTP 3.1.3.2 lower-case hexadecimal digits are taken": {"text/plain", "x",
			required("ce-subject", "%e2%82%ac"), subject("€")},
		"HTTP 3.1.3.2 what need not be encoded may be": {"text/plain", "x",
			required("ce-subject", "%41%2d"), subject("A-")},
		"HTTP 3.1.3.2 there is one round of decoding": {"text/plain", "x",
			required("ce-subject", "%2541"), subject("%41")},
		"HTTP 3.1.3.2 quotes are undone first, with their backslashes": {"text/plain", "x",
			required("ce-subject", `"a \"b\" \\ %20"`), subject(`a "b" \  `)},
		"Kafka 3.2.3 values are UTF-8, and not percent-encoded": {"text/plain", "x",
			required("ce-subject", "100%25%22"), subject(`100%"`)},
		"HTTP 3.2.1 a structured event may have parameters to its media type": {one + "; charset=UTF-8",
			`{"specversion":"1.0","id":"1","source":"/s","type":"t"}`, nil, wanted{}},
		"HTTP 3.2.3 headers beside a structured event change nothing of it": {one,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t"}`, []string{"ce-id", "2", "ce-subject", "s"}, wanted{}},
		"JSON 2 extensions are members beside the attributes": {one,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","ext":"e","flag":true,"n":-5}`, nil,
			wanted{headers: of{"ce_ext": "e", "ce_flag": "true", "ce_n": "-5"}}},
		"JSON 2.2 null is absence": {one,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":null,"ext":null}`, nil, wanted{}},
		"JSON 3.1.1 null as data is a payload": {one,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":null}`, nil,
			wanted{nil, []byte("null"), of{"content-type": "application/json"}}},
		"JSON 3.1.2 data_base64 becomes its bytes": {one,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"image/png","data_base64":"AAH+/w=="}`,
			nil, wanted{nil, []byte{0, 1, 254, 255}, of{"content-type": "image/png"}}},
		"JSON 3.1.2 a string of a JSON type stays a JSON string": {one,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/vnd.x+json","data":"{}"}`,
			nil, wanted{nil, []byte(`"{}"`), of{"content-type": "application/vnd.x+json"}}},
		"JSON 3.1.2 a string of another type is the text in it": {one,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/xml","data":"<a b=\"c\"/>"}`,
			nil, wanted{nil, []byte(`<a b="c"/>`), of{"content-type": "application/xml"}}},
		"JSON 3.1.2 the type that data has unsaid is said onwards": {one,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":"s"}`, nil,
			wanted{nil, []byte(`"s"`), of{"content-type": "application/json"}}},
		"Kafka 3.1 the partitionkey is the key as it is, and stays in the event": {"text/plain", "x",
			required("ce-partitionkey", "K%20€", "ce-subject", "s"),
			wanted{[]byte("K €"), []byte("x"), of{"content-type": "text/plain", "ce_partitionkey": "K €", "ce_subject": "s"}}},
		"Kafka 3.1 a key that is not the partitionkey adds no attribute": {"text/plain", "x", required("ce-subject", "s"),
			subject("s")},
	}
	s := start(t)
	places := map[string]accepted{}
	for name, test := range tests {
		a := s.post(test.contentType, test.body, test.headers...)
		if a.status != http.StatusAccepted {
			t.Errorf("%s: answered with %d %s", name, a.status, a.body)
			continue
		}
		var place accepted
		a.json(&place)
		places[name] = place
	}
	records := s.records(len(places))
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			for _, r := range records {
				if r.Partition == place.Partition && r.Offset == place.Offset {
					compare(t, r, tests[name].want)
					return
				}
			}
			t.Errorf("no record is at %+v", place)
		})
	}
}

// compare fails unless r is the event with the required attributes and what want has beside them.
func compare(t *testing.T, r *kgo.Record, want wanted) {
	t.Helper()
	headers := map[string]string{"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s", "ce_type": "t"}
	for name, value := range want.headers {
		headers[name] = value
	}
	got := map[string]string{}
	for _, h := range r.Headers {
		if _, twice := got[h.Key]; twice {
			t.Errorf("header %s is there twice", h.Key)
		}
		if h.Key != "x-request-id" { // of the transport
			got[h.Key] = string(h.Value)
		}
	}
	if diff := cmp.Diff(headers, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.key, r.Key); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.value, r.Value); diff != "" {
		t.Errorf("value (-want +got):\n%s", diff)
	}
}

func TestWhatTheSpecificationForbidsIsRefusedAndNotStored(t *testing.T) {
	const good = `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`
	tests := map[string]struct {
		contentType, body string
		headers           []string
		status            int
	}{
		"HTTP 3 an event format that is not known": {"application/cloudevents+avro", good,
			required(), 415},
		"HTTP 3 a batch format that is not known": {"application/cloudevents-batch+avro",
			"[" + good + "]", required(), 415},
		"HTTP 3 a required attribute that is missing in binary mode": {"text/plain", "x", required()[2:], 400},
		"HTTP 3.1.1 a ce-datacontenttype": {"text/plain", "x",
			required("ce-datacontenttype", "text/plain"), 400},
		"HTTP 3.1.3 an attribute in two headers": {"text/plain", "x",
			required("ce-subject", "a", "ce-subject", "b"), 400},
		"HTTP 3.1.3.2 bytes that are not UTF-8, percent-encoded": {"text/plain", "x",
			required("ce-subject", "%C0%A0"), 400},
		"HTTP 3.1.3.2 bytes that are not UTF-8, as they are": {"text/plain", "x",
			required("ce-subject", "\xe9"), 400},
		"HTTP 3.2.1 a structured event without its media type": {"", good, nil, 415},
		"HTTP 3.2.3 an attribute that is only in a header beside the body": {one,
			`{"specversion":"1.0","source":"/s","type":"t"}`, []string{"ce-id", "1"}, 400},
		"HTTP 3.3.2 a batch of another specversion": {batch,
			`[{"specversion":"0.3","id":"1","source":"/s","type":"t"}]`, nil, 400},
		"JSON 2.2 an attribute of another JSON type": {one, strings.Replace(good, `"1"`, `1`, 1), nil, 400},
		"JSON 3.1.1 data beside data_base64": {one,
			strings.Replace(good, `}`, `,"data":1,"data_base64":"AA=="}`, 1), nil, 400},
		"JSON 4.1 one event as a batch": {batch, good, nil, 400},
		"JSON 4.2 a batch as one event": {one, "[" + good + "]", nil, 400},
		"CloudEvents 3 an attribute whose name is not lower-case": {one,
			strings.Replace(good, `}`, `,"Ext":"x"}`, 1), nil, 400},
		"CloudEvents 3.1.1 a source that is not a URI-reference": {one, strings.Replace(good, `/s`, `a b`, 1), nil, 400},
		"CloudEvents 3.1.2 a time that RFC 3339 does not know": {one,
			strings.Replace(good, `}`, `,"time":"yesterday"}`, 1), nil, 400},
	}
	s := start(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			one := *s
			one.t = t
			one.post(test.contentType, test.body, test.headers...).problem(test.status)
		})
	}
	if n := len(s.records(0)); n != 0 {
		t.Errorf("%d of them are stored", n)
	}
}

func TestHTTP3131NamesOfHeadersAreMatchedWithoutRegardToCase(t *testing.T) {
	s := start(t)
	for _, prefix := range []string{"ce-", "CE-", "cE-"} { // by hand, as the client would write all of them in one way
		request := "POST /v1/events HTTP/1.1\r\nHost: h\r\nConnection: close\r\ncontent-TYPE: " +
			"text/plain\r\nContent-Length: 1\r\n"
		for _, name := range []string{"SpecVersion: 1.0", "ID: 1", "sOURCE: /s", "type: t"} {
			request += prefix + name + "\r\n"
		}
		if got := s.raw(request+"\r\nx", 5*time.Second); !strings.HasPrefix(got, "HTTP/1.1 202 ") {
			t.Errorf("%s is answered with %q", prefix, got)
		}
	}
	for _, r := range s.records(3) {
		compare(t, r, wanted{nil, []byte("x"), map[string]string{"content-type": "text/plain"}})
	}
}

func TestHTTP33ABatchMayBeEmptyOrOfEventsThatDiffer(t *testing.T) {
	s := start(t)
	for _, contentType := range []string{batch, "Application/CloudEvents-Batch+JSON; charset=UTF-8"} {
		s.post(contentType, " [ ] ").want(202)
		s.post(contentType, `[{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1},
			{"specversion":"1.0","id":"2","source":"/other","type":"u","datacontenttype":"text/plain","data":"x"}]`).want(202)
	}
	media := map[string]string{}
	for _, r := range s.records(4) {
		media[header(r, "ce_id")] = header(r, "content-type") + " " + string(r.Value)
	}
	if diff := cmp.Diff(map[string]string{"1": "application/json 1", "2": "text/plain x"}, media); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCloudEvents5EventsOf64KiBAreTakenInEveryMode(t *testing.T) {
	s := start(t)
	data := bytes.Repeat([]byte("x"), 64<<10)
	event := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":"%s"}`, data)
	s.post("text/plain", string(data), required()...).want(202)
	s.post(one, event).want(202)
	s.post(batch, "["+event+","+event+"]").want(202)
	s.post("application/json", event).want(202)
	for _, r := range s.records(5) {
		if !bytes.Contains(r.Value, data) {
			t.Errorf("a record has %d bytes of them", len(r.Value))
		}
	}
}
