package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"event-processing-service/internal/event"
)

// randomEvent makes any valid event.
func randomEvent(random *rand.Rand) event.Event {
	optional := func(s string) string {
		if random.IntN(2) == 0 {
			return ""
		}
		return s
	}
	e := event.Event{
		ID:      randomText(random),
		Source:  []string{"/s", "https://example.com/a?b=%20#c", "urn:uuid:1", "a"}[random.IntN(4)],
		Type:    randomText(random),
		Subject: optional(randomText(random)),
		Time: optional([]string{"2026-01-31T12:00:00Z", "1990-12-31t15:59:60.5-08:00",
			"2026-01-31T12:00:00.000+05:30"}[random.IntN(3)]),
		DataSchema: optional("https://example.com/s.json"),
	}
	for i := range random.IntN(4) {
		value := ""
		if random.IntN(4) > 0 {
			value = randomText(random)
		}
		e.Extensions = append(e.Extensions, event.Extension{Name: fmt.Sprint("x", i), Value: value})
	}
	switch random.IntN(4) {
	case 0: // no data
	case 1:
		e.DataContentType, e.Data = "application/json",
			[]byte([]string{`null`, `{"a" : 1.50}`, `"text"`, `[]`, `-0.0`}[random.IntN(5)])
	case 2:
		e.DataContentType, e.Data = "text/plain; charset=utf-8", []byte(randomText(random))
	case 3:
		e.DataContentType, e.Data = "application/octet-stream", make([]byte, random.IntN(20))
		for i := range e.Data {
			e.Data[i] = byte(random.Uint32())
		}
	}
	return e
}

func randomText(random *rand.Rand) string {
	letters := []rune("aZ09 \"%\\/'~.,;=<>{}€é😀\u00a0\u200b\u2028\U0010FFFD")
	text := make([]rune, 1+random.IntN(8))
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

// attributes yields what both forms write as text: all but specversion and datacontenttype.
func attributes(e *event.Event, add func(name, value string)) {
	for _, a := range []event.Extension{{Name: "id", Value: e.ID}, {Name: "source", Value: e.Source},
		{Name: "type", Value: e.Type}, {Name: "subject", Value: e.Subject}, {Name: "time", Value: e.Time},
		{Name: "dataschema", Value: e.DataSchema}} {
		if a.Value != "" {
			add(a.Name, a.Value)
		}
	}
	for _, x := range e.Extensions { // which may be empty
		add(x.Name, x.Value)
	}
}

const rounds = 2_000

func TestEveryEventSurvivesItsWayThroughKafka(t *testing.T) {
	random := seeded(t)
	for range rounds {
		e := randomEvent(random)
		back, err := event.FromRecord(&event.Record{Place: event.Place{Topic: "events"}, Value: e.Data,
			Headers: recordHeaders(&e)})
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		if equal(t, back, e); t.Failed() {
			return
		}
	}
}

func TestEveryEventSurvivesBinaryHTTP(t *testing.T) {
	random := seeded(t)
	for range rounds {
		e := randomEvent(random)
		pairs := []string{"ce-specversion", "1.0"}
		add := func(name, value string) {
			pairs = append(pairs, "ce-"+name, url.PathEscape(value))
		}
		attributes(&e, add)
		back, err := event.ParseBinary(e.DataContentType, seqOf(pairs...), e.Data)
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		if len(e.Data) == 0 { // an empty body is no data in HTTP
			e.Data = nil
		}
		if equal(t, back, e); t.Failed() {
			return
		}
	}
}

func TestEveryEventSurvivesStructuredJSON(t *testing.T) {
	random := seeded(t)
	for range rounds {
		e := randomEvent(random)
		body := writeStructured(t, &e)
		back, err := event.ParseStructured(body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if equal(t, back, e); t.Failed() {
			t.Logf("body: %s", body)
			return
		}
	}
}

// writeStructured writes e in the JSON format, its data byte for byte.
func writeStructured(t *testing.T, e *event.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(`{"specversion":"1.0"`)
	add := func(name, value string) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, `,%q:%s`, name, text)
	}
	attributes(e, add)
	if e.DataContentType != "" {
		add("datacontenttype", e.DataContentType)
	}
	switch {
	case e.Data == nil:
	case e.DataContentType == "application/json":
		fmt.Fprintf(&b, `,"data":%s`, e.Data)
	case strings.HasPrefix(e.DataContentType, "text/"):
		add("data", string(e.Data))
	default:
		fmt.Fprintf(&b, `,"data_base64":%q`, base64.StdEncoding.EncodeToString(e.Data))
	}
	b.WriteByte('}')
	return b.Bytes()
}
