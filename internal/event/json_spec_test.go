package event_test

import (
	"bytes"
	"testing"

	"event-processing-service/internal/event"
)

// The sections are those of the JSON Event Format for CloudEvents, version 1.0.2.
func TestJSONFormatOfOneEvent(t *testing.T) {
	with := func(change func(*event.Event)) event.Event {
		e := good()
		change(&e)
		return e
	}
	extension := func(value string) event.Event {
		return with(func(e *event.Event) { e.Extensions = []event.Extension{{Name: "ext", Value: value}} })
	}
	tests := map[string]struct {
		body []byte
		want event.Event
	}{
		"JSON 2 extensions are top-level members, in the order in which they came": {
			structured(change{"zeta", `"z"`}, change{"alpha1", `"a"`}),
			with(func(e *event.Event) {
				e.Extensions = []event.Extension{{Name: "zeta", Value: "z"}, {Name: "alpha1", Value: "a"}}
			}),
		},
		"JSON 2.2 a Boolean is true or false in its canonical string": {structured(change{"ext", `false`}),
			extension("false")},
		"JSON 2.2 an Integer may be negative": {structured(change{"ext", `-12`}),
			extension("-12")},
		"JSON 2.2 an Integer reaches up to 2147483647": {structured(change{"ext", `2147483647`}),
			extension("2147483647")},
		"JSON 2.2 an Integer reaches down to -2147483648": {structured(change{"ext", `-2147483648`}),
			extension("-2147483648")},
		"JSON 2.2 an Integer of -0 is 0, which is its canonical string": {structured(change{"ext", `-0`}),
			extension("0")},
		"JSON 2.2 a String keeps its text, with JSON's escapes undone": {
			structured(change{"ext", `"a\u00e9\/\"\ud83d\ude00"`}), extension(`aé/"😀`)},
		"JSON 2.2 an empty String of an extension is a value": {structured(change{"ext", `""`}),
			extension("")},
		"JSON 2.2 null for an extension is the same as its absence": {structured(change{"ext", `null`}), good()},
		"JSON 2.2 null for an optional attribute is the same as its absence": {structured(change{"subject", `null`},
			change{"time", `null`}), good()},
		"JSON 2.2 null for datacontenttype is the same as its absence": {
			structured(change{"datacontenttype", `null`}), good()},
		"JSON 2.2 a Timestamp keeps its text": {
			structured(change{"time", `"2018-04-05T17:31:00.000Z"`}),
			with(func(e *event.Event) { e.Time = "2018-04-05T17:31:00.000Z" })},
		"JSON 2.2 a URI is text": {
			structured(change{"dataschema", `"https://example.com/s.json"`}),
			with(func(e *event.Event) { e.DataSchema = "https://example.com/s.json" })},
		"JSON 3 a member's name may be written with escapes": {
			structured(change{"type", ""}, change{`\u0074ype`, `"com.example.someevent"`}), good()},
		"JSON 3.1.1 null as data is a payload, other than its absence": {structured(change{"data", `null`}),
			with(func(e *event.Event) { e.Data = []byte("null") })},
		"JSON 3.1.1 without data there is none, which implies no content type": {structured(change{"data", ""}),
			with(func(e *event.Event) { e.Data, e.DataContentType = nil, "" })},
		"JSON 3.1.1 datacontenttype may be there without data": {
			structured(change{"data", ""}, change{"datacontenttype", `"text/plain"`}),
			with(func(e *event.Event) { e.Data, e.DataContentType = nil, "text/plain" })},
		"JSON 3.1.2 data_base64 is decoded to bytes": {
			structured(change{"data", ""}, change{"datacontenttype", `"image/png"`}, change{"data_base64", `"AAH+/w=="`}),
			with(func(e *event.Event) { e.Data, e.DataContentType = []byte{0, 1, 254, 255}, "image/png" })},
		"JSON 3.1.2 an empty data_base64 is data of no bytes, not its absence": {
			structured(change{"data", ""}, change{"datacontenttype", `"image/png"`}, change{"data_base64", `""`}),
			with(func(e *event.Event) { e.Data, e.DataContentType = []byte{}, "image/png" })},
		"JSON 3.1.2 data_base64 stands for itself even where the type is JSON": {
			structured(change{"data", ""}, change{"datacontenttype", `"application/json"`},
				change{"data_base64", `"eyJuIjoxfQ=="`}), good()},
		"JSON 3.1.2 null for data_base64 beside data is its absence": {structured(change{"data_base64", `null`}),
			good()},
		"JSON 3.1.2 data of a JSON type is the value itself, byte for byte": {
			structured(change{"data", "{ \"a\" : 1.50 ,\n\"b\":\"\\u00e9\" }"}),
			with(func(e *event.Event) { e.Data = []byte("{ \"a\" : 1.50 ,\n\"b\":\"\\u00e9\" }") })},
		"JSON 3.1.2 a string as data of a JSON type stays a JSON string": {structured(change{"data", `"{\"n\":1}"`}),
			with(func(e *event.Event) { e.Data = []byte(`"{\"n\":1}"`) })},
		"JSON 3.1.2 a type of the form */json is JSON": {
			structured(change{"datacontenttype", `"Text/JSON; charset=UTF-8"`}),
			with(func(e *event.Event) { e.DataContentType = "Text/JSON; charset=UTF-8" })},
		"JSON 3.1.2 a type of the form */*+json is JSON": {
			structured(change{"datacontenttype", `"application/vnd.order+json;v=2"`}),
			with(func(e *event.Event) { e.DataContentType = "application/vnd.order+json;v=2" })},
		"JSON 3.1.2 data of another type is the text of the string": {
			structured(change{"datacontenttype", `"application/xml"`}, change{"data", `"<much wow=\"xml\"\/>\u00e9"`}),
			with(func(e *event.Event) { e.DataContentType, e.Data = "application/xml", []byte(`<much wow="xml"/>é`) })},
		"JSON 3.1.2 the order of data and datacontenttype does not matter": {
			[]byte(`{"data":"x","id":"A234-1234-1234","datacontenttype":"text/plain","source":"/mycontext",` +
				`"type":"com.example.someevent","specversion":"1.0"}`),
			with(func(e *event.Event) { e.DataContentType, e.Data = "text/plain", []byte("x") })},
		"JSON 3.1.2 without datacontenttype data is JSON, which is said onwards": {structured(), good()},
		"JSON 3.1.2 what is inside of data is free, duplicate names too": {
			structured(change{"data", `{"ID":1,"ID":2}`}), with(func(e *event.Event) { e.Data = []byte(`{"ID":1,"ID":2}`) })},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { equal(t, mustParse(t, test.body), test.want) })
	}
}

func TestJSONFormatOfABatch(t *testing.T) {
	t.Run("JSON 4.1 the outermost element is an array of events", func(t *testing.T) {
		second := structured(change{"id", `"B"`}, change{"datacontenttype", `"text/plain"`}, change{"data", `"x"`})
		batch, err := event.ParseBatch(
			bytes.Join([][]byte{[]byte("[ "), structured(), []byte(" , "), second, []byte(" ]\n")}, nil), 2)
		if err != nil {
			t.Fatal(err)
		}
		want := good()
		want.ID, want.DataContentType, want.Data = "B", "text/plain", []byte("x")
		equal(t, batch, []event.Decoded{{Event: good()}, {Event: want}})
	})
	t.Run("JSON 4.3 an empty batch is valid", func(t *testing.T) {
		batch, err := event.ParseBatch([]byte(" [ ] "), 1000)
		if err != nil || len(batch) != 0 {
			t.Errorf("got %v, %v", batch, err)
		}
	})
}

func TestEventKeepsTheBytesOfItsDataInPlace(t *testing.T) {
	body := structured(change{"data", `{"n": [1, 2.50]}`})
	before := bytes.Clone(body)
	e := mustParse(t, body)
	if !bytes.Equal(body, before) {
		t.Errorf("the body was changed to %s", body)
	}
	at := bytes.Index(body, []byte(`{"n": [`))
	if &e.Data[0] != &body[at] {
		t.Error("the data was copied")
	}
	if e.Data = append(e.Data, "XX"...); !bytes.Equal(body, before) {
		t.Errorf("appending to the data wrote into the body: %s", body)
	}
}

func TestWhoChangesTheDataDoesNotChangeTheAttributes(t *testing.T) {
	body := structured(change{"data", `{"n":1}`}, change{"subject", `"subject"`}, change{"ext", `"value"`})
	e := mustParse(t, body)
	want := good()
	want.Subject, want.Extensions, want.Data = "subject", []event.Extension{{Name: "ext", Value: "value"}},
		[]byte("XXXXXXX")
	for i := range e.Data {
		e.Data[i] = 'X'
	}
	_ = append(e.Data, "XXXXXXXX"...)
	equal(t, e, want)
}

func TestPlainJSONFillsInWhatIsMissing(t *testing.T) {
	defaults := event.Defaults{ID: func() string { return "made" }, Source: "/api", Time: "2026-01-31T12:00:00Z"}
	filled := event.Event{
		ID: "made", Source: "/api", Type: "order.created", Time: "2026-01-31T12:00:00Z",
		DataContentType: "application/json", Data: []byte(`{"n":1}`),
	}
	t.Run("all but type and data", func(t *testing.T) {
		e, err := event.ParsePlain([]byte(`{"type":"order.created","data":{"n":1}}`), defaults)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, e, filled)
	})
	t.Run("null counts as missing", func(t *testing.T) {
		e, err := event.ParsePlain(
			[]byte(`{"type":"order.created","id":null,"source":null,"time":null,"specversion":null,"data":{"n":1}}`), defaults)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, e, filled)
	})
	t.Run("what is there stays", func(t *testing.T) {
		defaults := defaults
		defaults.ID = func() string { t.Error("an id was made though there is one"); return "" }
		e, err := event.ParsePlain(structured(change{"time", `"2020-01-01T00:00:00Z"`}), defaults)
		if err != nil {
			t.Fatal(err)
		}
		want := good()
		want.Time = "2020-01-01T00:00:00Z"
		equal(t, e, want)
	})
	t.Run("an empty id is wrong, not missing", func(t *testing.T) {
		_, err := event.ParsePlain([]byte(`{"type":"order.created","id":""}`), defaults)
		wantFaults(t, err, "/id", "must not be empty")
	})
	t.Run("type is never made up", func(t *testing.T) {
		_, err := event.ParsePlain([]byte(`{"data":1}`), defaults)
		wantFaults(t, err, "/type", "is required")
	})
}
