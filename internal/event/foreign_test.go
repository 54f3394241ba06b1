package event_test

import (
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func TestRecordsOfForeignProducersBecomeEvents(t *testing.T) {
	at := time.Date(2026, 1, 31, 13, 0, 0, 123e6, time.FixedZone("", 3600))
	tests := map[string]struct {
		change func(r *event.Record, want *event.Event)
	}{
		"a JSON value, named by its position": {func(*event.Record, *event.Event) {}},
		"a JSON object with an id, named by it": {func(r *event.Record, want *event.Event) {
			r.Value, want.ID = []byte(`{"a":[{"id":"inner"}],"id":"test_123"}`), "test_123"
		}},
		"an id that is not a string is no id": {func(r *event.Record, _ *event.Event) { r.Value = []byte(`{"id":7}`) }},
		"an id that is empty is no id":        {func(r *event.Record, _ *event.Event) { r.Value = []byte(`{"id":""}`) }},
		"an id further inside is no id":       {func(r *event.Record, _ *event.Event) { r.Value = []byte(`{"a":{"id":"x"}}`) }},
		"an id with control characters is no id, as headers and logs could not carry it": {
			func(r *event.Record, _ *event.Event) { r.Value = []byte(`{"id":"a\nb"}`) },
		},
		"JSON that is no object": {func(r *event.Record, _ *event.Event) { r.Value = []byte(`["id","x"]`) }},
		"what is no JSON is a stream of bytes": {func(r *event.Record, want *event.Event) {
			r.Value, want.DataContentType = []byte(`{"id":"x"`), "application/octet-stream"
		}},
		"no bytes are a stream of bytes": {func(r *event.Record, want *event.Event) {
			r.Value, want.DataContentType = []byte{}, "application/octet-stream"
		}},
		"a null value is an event without data": {func(r *event.Record, want *event.Event) { r.Value, want.DataContentType = nil, "" }},
		"its own content-type is kept": {func(r *event.Record, want *event.Event) {
			r.Headers, want.DataContentType = []event.Header{{Key: "Content-Type", Value: []byte("text/csv")}}, "text/csv"
		}},
		"a content-type that is none becomes a stream of bytes": {func(r *event.Record, want *event.Event) {
			r.Headers, want.DataContentType = []event.Header{{Key: "content-type", Value: []byte("STRING\x00")}}, "application/octet-stream"
		}},
		"no timestamp is no time":                             {func(r *event.Record, want *event.Event) { r.Timestamp, want.Time = time.Time{}, "" }},
		"Kafka's -1 is no time":                               {func(r *event.Record, want *event.Event) { r.Timestamp, want.Time = time.UnixMilli(-1), "" }},
		"microseconds taken for milliseconds are no time":     {func(r *event.Record, want *event.Event) { r.Timestamp, want.Time = time.UnixMilli(at.UnixMicro()), "" }},
		"ce- headers, which are those of HTTP, make no event": {func(r *event.Record, _ *event.Event) { r.Headers = []event.Header{{Key: "ce-id", Value: []byte("x")}} }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := event.Record{Topic: "orders", Partition: 3, Offset: 99, Timestamp: at, Value: []byte(`{"n":1}`)}
			want := event.Event{
				ID: "orders/3/99", Source: "/kafka/orders", Type: event.ForeignType,
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
