package event_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func TestRecordsOfForeignProducersBecomeEvents(t *testing.T) {
	at := time.Date(2026, 1, 31, 13, 0, 0, 123e6, time.FixedZone("", 3600))
	tests := map[string]struct {
		change func(r *event.Record, want *event.Event)
	}{
		"a JSON value, named by its place": {func(*event.Record, *event.Event) {}},
		"the id of a body is an entity's, and not the event's": {
			func(r *event.Record, _ *event.Event) { r.Value = []byte(`{"id":"77","status":"paid"}`) },
		},
		"JSON that is not an object": {func(r *event.Record, _ *event.Event) { r.Value = []byte(`["id","x"]`) }},
		"what is not JSON is a stream of bytes": {func(r *event.Record, want *event.Event) {
			r.Value, want.DataContentType = []byte(`{"id":"x"`), "application/octet-stream"
		}},
		"no bytes are a stream of bytes": {func(r *event.Record, want *event.Event) {
			r.Value, want.DataContentType = []byte{}, "application/octet-stream"
		}},
		"a null value is an event without data": {func(r *event.Record, want *event.Event) {
			r.Value,
				want.DataContentType = nil, ""
		}},
		"its own content-type is kept": {func(r *event.Record, want *event.Event) {
			r.Headers, want.DataContentType = []event.Header{{Key: "Content-Type", Value: []byte("text/csv")}}, "text/csv"
		}},
		"a content-type that is not a media type becomes a stream of bytes": {func(r *event.Record, want *event.Event) {
			r.Headers, want.DataContentType = []event.Header{{Key: "content-type", Value: []byte("STRING\x00")}},
				"application/octet-stream"
		}},
		"no timestamp means no time": {func(r *event.Record, want *event.Event) {
			r.Timestamp, want.Time, want.ID = time.Time{}, "", "orders/3/99"
		}},
		"Kafka's -1 means no time": {func(r *event.Record, want *event.Event) {
			r.Timestamp, want.Time, want.ID = time.UnixMilli(-1), "", "orders/3/99"
		}},
		"microseconds taken for milliseconds give no time": {func(r *event.Record, want *event.Event) {
			r.Timestamp, want.Time = time.UnixMilli(at.UnixMicro()), ""
			want.ID = "orders/3/99@1769860800123000"
		}},
		"ce- headers, which are those of HTTP, make no event": {
			func(r *event.Record, _ *event.Event) { r.Headers = []event.Header{{Key: "ce-id", Value: []byte("x")}} }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := event.Record{Place: event.Place{Topic: "orders", Partition: 3, Offset: 99}, Timestamp: at,
				Value: []byte(`{"n":1}`)}
			want := event.Event{
				ID: "orders/3/99@1769860800123", Source: "/kafka/orders", Type: event.ForeignType,
				Time: "2026-01-31T12:00:00.123Z", DataContentType: "application/json",
			}
			test.change(&r, &want)
			want.Data = r.Value
			e, err := event.FromRecord(&r)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, e, want)
		})
	}
}

func TestAnEventMayNotNameTheSourceOfForeignRecords(t *testing.T) {
	const position = "events/0/16345@1769860800123"
	refused := func(form string, err error) {
		t.Helper()
		var invalid *event.InvalidError
		if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || !strings.Contains(invalid.Fields[0].Detail, "/kafka/") {
			t.Errorf("%s: the error is %v, want one that names the source", form, err)
		}
	}
	structured := []byte(`{"specversion":"1.0","id":"` + position + `","source":"/kafka/events","type":"t"}`)
	_, err := event.ParseStructured(structured)
	refused("structured", err)
	headers, _ := event.AppendHeaders[event.Header](nil, nil,
		&event.Event{ID: position, Source: "/kafka/events", Type: "t"})
	_, err = event.FromRecord(&event.Record{Headers: headers})
	refused("binary on Kafka", err)
	_, err = event.FromRecord(&event.Record{Value: structured, Headers: []event.Header{
		{Key: "content-type", Value: []byte("application/cloudevents+json")},
	}})
	refused("structured on Kafka", err)
	if _, err := event.ParseStructured([]byte(`{"specversion":"1.0","id":"1","source":"/kafka","type":"t"}`)); err != nil {
		t.Errorf("another source is refused: %v", err)
	}
}

func TestTheMemberThatIsAnIDIsAStringOrANumberOfTheObjectItself(t *testing.T) {
	for value, want := range map[string]string{
		`{"a":[{"event_id":"inner"}],"event_id":"e-1"}`: "e-1",
		`{"event_id":7}`:         "7",
		`{"event_id":1.50}`:      "1.50",
		`{"\u0065vent_id":"x"}`:  "x",
		`{"event_id":""}`:        "",
		`{"event_id":null}`:      "",
		`{"event_id":{"a":1}}`:   "",
		`{"event_id":"a\nb"}`:    "", // headers and logs could not carry it
		`{"a":{"event_id":"x"}}`: "",
		`["event_id","x"]`:       "",
		`{"event_id":"x"`:        "",
		``:                       "",
	} {
		if got := event.MemberID([]byte(value), "event_id"); got != want {
			t.Errorf("the id of %s is %q, want %q", value, got, want)
		}
	}
}
