package event_test

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

// survivesKafka checks the promise for each accepted event: its Kafka record can be made, and reading the record gives
// the same event.
func survivesKafka(t *testing.T, e *event.Event) {
	t.Helper()
	if e.ID == "" || e.Source == "" || e.Type == "" {
		t.Fatalf("accepted without a required attribute: %+v", e)
	}
	r := event.Record{Place: event.Place{Topic: "events"}, Value: e.Data, Headers: recordHeaders(e)}
	back, err := event.FromRecord(&r)
	if err != nil {
		t.Fatalf("accepted, but its record is refused: %v\n%+v", err, e)
	}
	if diff := cmp.Diff(*e, back); diff != "" {
		t.Fatalf("changed on its way through Kafka (-before +after):\n%s", diff)
	}
	// Year 1 begins with Go's zero time in UTC. A zone offset or a leap second can put it into year 0.
	if e.Time != "" && e.OccurredAt().IsZero() && e.Time[:3] != "000" {
		t.Fatalf("time %q was accepted and can't be read", e.Time)
	}
}

// explained fails for an error that callers can't answer.
func explained(t *testing.T, err error) {
	t.Helper()
	var syntax *event.SyntaxError
	var invalid *event.InvalidError
	switch {
	case errors.As(err, &syntax):
		if syntax.Offset < 0 || syntax.Detail == "" {
			t.Fatalf("syntax error without place or detail: %#v", syntax)
		}
	case errors.As(err, &invalid):
		if len(invalid.Fields) == 0 {
			t.Fatal("invalid without a fault")
		}
		for _, f := range invalid.Fields {
			if f.Detail == "" || f.Pointer == "" && f.Header == "" {
				t.Fatalf("fault without place or detail: %#v", f)
			}
		}
	case errors.Is(err, event.ErrTooMany), errors.Is(err, event.ErrUnsupportedMedia):
	default:
		t.Fatalf("unknown error %T: %v", err, err)
	}
}

var structuredSeeds = [][]byte{
	structured(),
	structured(change{"subject", `"\u20ac"`}, change{"time", `"1990-12-31T23:59:60Z"`}, change{"ext", `-0`},
		change{"flag", `true`}),
	structured(change{"data", ""}, change{"data_base64", `"AAH+/w=="`}, change{"datacontenttype", `"image/png"`}),
	structured(change{"data", `"<a/>"`}, change{"datacontenttype", `"text/xml; charset=utf-8"`}),
	structured(change{"data", `null`}, change{"dataschema", `"urn:a:b#c"`}),
	structured(change{"id", `null`}, change{"ext", `""`}, change{"Upper", `1`}, change{"a/b~c", `{}`}),
	structured(change{"datacontenttype", `"application/cloudevents+json"`}, change{"data", string(structured())}),
	structured(change{"datacontenttype", `"x/y"`}, change{"data_base64", `"e30="`}, change{"data", ""},
		change{"ext", `"\ud800"`}),
	[]byte(`{"type":"t","\u0074ype":"t"}`), []byte(`{`), []byte(`null`), {},
}

func FuzzParseStructured(f *testing.F) {
	for _, seed := range structuredSeeds {
		f.Add(seed)
	}
	defaults := event.Defaults{ID: func() string { return "made" }, Source: "/s", Time: "2026-01-31T12:00:00Z"}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		e, err := event.ParseStructured(body)
		if err != nil {
			explained(t, err)
		} else {
			survivesKafka(t, &e)
			plain, err := event.ParsePlain(body, defaults)
			if err != nil {
				t.Fatalf("is a structured event and no plain one: %v", err)
			}
			if e.Time == "" {
				plain.Time = ""
			}
			if diff := cmp.Diff(e, plain); diff != "" {
				t.Fatalf("is another event in plain JSON:\n%s", diff)
			}
		}
		if plain, err := event.ParsePlain(body, defaults); err != nil {
			explained(t, err)
		} else {
			survivesKafka(t, &plain)
		}
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
	})
}

func FuzzParseBatch(f *testing.F) {
	f.Add([]byte(`[]`))
	f.Add([]byte(`[1,[],{},null]`))
	f.Add([]byte(`[{"data":"\ud800"},{"\ud800":1},[[["\ud800"]]]]`))
	for _, seed := range structuredSeeds {
		f.Add(bytes.Join([][]byte{[]byte("["), structured(), []byte(","), seed, []byte("]")}, nil))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const limit = 3
		batch, err := event.ParseBatch(body, limit)
		if err != nil {
			if explained(t, err); batch != nil {
				t.Fatal("events came back beside an error")
			}
			return
		}
		if !slices.ContainsFunc(batch, func(d event.Decoded) bool { return d.Err != nil }) &&
			!jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatal("no event has a fault, and the body is not JSON")
		}
		if len(batch) > limit {
			t.Fatalf("%d events", len(batch))
		}
		for i := range batch {
			if batch[i].Err != nil {
				explained(t, batch[i].Err)
			} else {
				survivesKafka(t, &batch[i].Event)
			}
		}
	})
}

func FuzzParseBinary(f *testing.F) {
	f.Add("application/json", "ce-subject", "a%20b", "ce-ext", `"a \"b\""`, []byte(`{}`))
	f.Add("text/plain; charset=x", "Ce-Time", "2026-01-31T12:00:00+01:00", "CE-ID", "%C0%A0", []byte{})
	f.Add("", "ce-data", "", "ce-datacontenttype", "é", []byte(nil))
	f.Add("application/json; a=\"\x01\"", "ce-dataschema", "urn:a:b", "ce-Ext", "\"%22\"", []byte("\xff"))
	f.Fuzz(func(t *testing.T, contentType, name1, value1, name2, value2 string, body []byte) {
		e, err := event.ParseBinary(contentType, headers(change{name1, value1}, change{name2, value2}), body)
		if err != nil {
			explained(t, err)
			return
		}
		survivesKafka(t, &e)
	})
}

func FuzzFromRecord(f *testing.F) {
	f.Add("content-type", []byte("application/cloudevents+json"), "ce_id", []byte("1"), structured(),
		int64(1_700_000_000_000))
	f.Add("ce_specversion", []byte("1.0"), "ce_ext", []byte("€"), []byte(`{"n":1}`), int64(-1))
	f.Add("Content-Type", []byte("text/plain"), "x", []byte(nil), []byte(`{"id":"x","id":2}`), int64(1<<60))
	f.Add("", []byte(nil), "", []byte(nil), []byte("\xff"), int64(0))
	f.Fuzz(func(t *testing.T, key1 string, value1 []byte, key2 string, value2, value []byte, millis int64) {
		foreign := event.Record{Place: event.Place{Topic: "orders", Partition: 1, Offset: 7}, Value: value,
			Headers: []event.Header{{Key: key1, Value: value1}, {Key: key2, Value: value2}}}
		foreign.Timestamp = foreign.Timestamp.AddDate(int(millis%20_000), 0, 0)
		binary := record(change{key1, string(value1)}, change{key2, string(value2)})
		binary.Value = value
		for _, r := range []*event.Record{&foreign, binary} {
			e, err := event.FromRecord(r)
			if err != nil {
				explained(t, err)
				continue
			}
			if e.Source == event.ForeignSource(r.Topic) {
				continue // it is never sent as an event
			}
			survivesKafka(t, &e)
		}
	})
}

func FuzzHeaderValue(f *testing.F) {
	for _, seed := range []string{"Euro € 😀", `"quoted"`, `"a\"b"`, "100%", "%41", "", "\xff", "\u0085", "a\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		encoded := url.PathEscape(value)
		for _, c := range []byte(encoded) {
			if c <= 0x20 || c >= 0x7f || c == '"' {
				t.Fatalf("%q is encoded as %q, which has %q", value, encoded, c)
			}
		}
		for _, raw := range []string{encoded, value} { // a raw value must be harmless, too
			e, err := event.ParseBinary("", headers(change{"ce-ext", raw}), nil)
			if err != nil {
				if explained(t, err); raw == encoded && utf8.ValidString(value) && cleanText(value) {
					t.Fatalf("%q is refused as %q: %v", value, encoded, err)
				}
				continue
			}
			survivesKafka(t, &e)
			if raw == encoded && e.Extension("ext") != value {
				t.Fatalf("%q came back as %q", value, e.Extension("ext"))
			}
		}
	})
}

// cleanText tells whether CloudEvents 3.1 allows every character of a String.
func cleanText(s string) bool {
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r <= 0x9f || r >= 0xfdd0 && r <= 0xfdef || r&0xffff >= 0xfffe {
			return false
		}
	}
	return true
}
