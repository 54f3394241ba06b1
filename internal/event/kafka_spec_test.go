package event_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"event-processing-service/internal/event"
)

// The sections are those of the Kafka Protocol Binding for CloudEvents, version 1.0.2.
func TestKafkaRecordsAreRead(t *testing.T) {
	with := func(change func(*event.Event)) event.Event {
		e := good()
		change(&e)
		return e
	}
	value := func(r *event.Record, v []byte) *event.Record { r.Value = v; return r }
	structuredRecord := func(contentType string, extra ...event.Header) *event.Record {
		return &event.Record{Place: event.Place{Topic: "events"}, Value: structured(),
			Headers: append([]event.Header{{Key: "content-type", Value: []byte(contentType)}}, extra...)}
	}
	tests := map[string]struct {
		record *event.Record
		want   event.Event
	}{
		"Kafka 3.2 attributes are ce_ headers": {record(), good()},
		"Kafka 3.2.1 content-type is datacontenttype": {
			record(change{"content-type", "image/png; x=y"}),
			with(func(e *event.Event) { e.DataContentType = "image/png; x=y" })},
		"Kafka 3.2.1 Content-Type, as some clients write it, is the same": {
			record(change{"content-type", ""}, change{"Content-Type", "application/json"}), good()},
		"Kafka 3.2.1 without content-type nothing is implied": {record(change{"content-type", ""}),
			with(func(e *event.Event) { e.DataContentType = "" })},
		"Kafka 3.2.2 the value is the data as it is": {value(record(), []byte("{ not json")),
			with(func(e *event.Event) { e.Data = []byte("{ not json") })},
		"Kafka 3.2.2 no value is no data": {value(record(), nil),
			with(func(e *event.Event) { e.Data = nil })},
		"Kafka 3.2.2 an empty value is data of no bytes": {value(record(), []byte{}),
			with(func(e *event.Event) { e.Data = []byte{} })},
		"Kafka 3.2.3 extensions are ce_ headers, too, and may be empty": {
			record(change{"ce_ext", "1"}, change{"ce_partitionkey", "k"}),
			with(func(e *event.Event) { e.Extensions = []event.Extension{{"ext", "1"}, {"partitionkey", "k"}} })},
		"Kafka 3.2.3 values are UTF-8 and nothing is decoded in them": {record(change{"ce_subject", `"€%20"`}),
			with(func(e *event.Event) { e.Subject = `"€%20"` })},
		"Kafka 3.2.3 headers of others are not attributes": {record(change{"traceparent", "00-1-1-01"},
			change{"CE_ID", "x"}, change{"ce-id", "x"}), good()},
		"Kafka 3.3 content-type with the CloudEvents prefix is structured mode": {
			structuredRecord("application/cloudevents+json; charset=UTF-8"), good()},
		"Kafka 3 the prefix is matched without regard to case": {structuredRecord("Application/CLOUDEVENTS+json"),
			good()},
		"Kafka 3.3.3 ce_ headers beside a structured event add nothing": {structuredRecord("application/cloudevents+json",
			event.Header{Key: "ce_id", Value: []byte("A234-1234-1234")}, event.Header{Key: "ce_ext", Value: []byte("x")}),
			good()},
		"Kafka 3.3.2 a structured event without data still has a value": {
			value(structuredRecord("application/cloudevents+json"), structured(change{"data", ""})),
			with(func(e *event.Event) { e.Data, e.DataContentType = nil, "" })},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := event.FromRecord(test.record)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, e, test.want)
		})
	}
}

func TestKafkaRecordsThatClaimToBeEventsAndAreNot(t *testing.T) {
	tests := map[string]struct {
		record *event.Record
		faults []string
	}{
		"Kafka 3.2.3 a missing id": {record(change{"ce_id", ""}), []string{"ce_id", "is required"}},
		"Kafka 3.2.3 another specversion": {record(change{"ce_specversion", "0.3"}),
			[]string{"ce_specversion", `must be "1.0"`}},
		"Kafka 3.2.3 text that is not UTF-8": {record(change{"ce_subject", "\xff"}),
			[]string{"ce_subject", "valid UTF-8"}},
		"Kafka 3.2.1 a content-type that is not a media type": {record(change{"content-type", "json"}),
			[]string{"content-type", "must be a media type"}},
		"Kafka 3.2.1 ce_datacontenttype": {record(change{"ce_datacontenttype", "text/plain"}),
			[]string{"ce_datacontenttype", "content-type"}},
		"CloudEvents 3 an attribute named data": {record(change{"ce_data", "x"}),
			[]string{"ce_data", "must not be the name"}},
		"CloudEvents 3 an upper-case attribute":        {record(change{"ce_Ext", "x"}), []string{"ce_Ext", "lower-case"}},
		"CloudEvents 3 a header that is only a prefix": {record(change{"ce_", "x"}), []string{"ce_", "lower-case"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := event.FromRecord(test.record)
			wantFaults(t, err, test.faults...)
		})
	}
	t.Run("CloudEvents 3 an attribute that is there twice", func(t *testing.T) {
		for _, key := range []string{"ce_id", "ce_ext", "content-type"} {
			r := record(change{"ce_ext", "x"})
			r.Headers = append(r.Headers, event.Header{Key: key, Value: []byte("text/plain")})
			_, err := event.FromRecord(r)
			wantFaults(t, err, key, "more than once")
		}
	})
	t.Run("Kafka 1.3 a batch", func(t *testing.T) {
		r := record(change{"content-type", "application/cloudevents-batch+json"})
		if _, err := event.FromRecord(r); !errors.Is(err, event.ErrUnsupportedMedia) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("Kafka 3 an unknown event format", func(t *testing.T) {
		r := record(change{"content-type", "application/cloudevents+avro"})
		if _, err := event.FromRecord(r); !errors.Is(err, event.ErrUnsupportedMedia) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("Kafka 3.3.3 ce_ headers that name another event than the structured one", func(t *testing.T) {
		for _, key := range []string{"ce_id", "ce_source", "ce_type"} {
			r := &event.Record{Value: structured(), Headers: []event.Header{
				{Key: "content-type", Value: []byte("application/cloudevents+json")}, {Key: key, Value: []byte("/other")},
			}}
			_, err := event.FromRecord(r)
			wantFaults(t, err, key, "must be the same")
		}
	})
	t.Run("Kafka 3.3 a structured event that is not JSON", func(t *testing.T) {
		for _, value := range [][]byte{nil, []byte("x")} {
			r := record(change{"content-type", "application/cloudevents+json"})
			r.Value = value
			var syntax *event.SyntaxError
			if _, err := event.FromRecord(r); !errors.As(err, &syntax) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestKafkaRecordsAreWritten(t *testing.T) {
	t.Run("Kafka 3.2.3 an empty extension is a header, an absent attribute has no header", func(t *testing.T) {
		e := good()
		e.Extensions = []event.Extension{{Name: "ext", Value: ""}}
		equal(t, recordHeaders(&e), append(record().Headers, event.Header{Key: "ce_ext", Value: []byte{}}))
	})
	t.Run("headers that are there already stay", func(t *testing.T) {
		e := good()
		first := event.Header{Key: "traceparent", Value: []byte("00")}
		headers, _ := event.AppendHeaders([]event.Header{first}, nil, &e)
		equal(t, headers, append([]event.Header{first}, record().Headers...))
	})
	t.Run("appending to one value writes into no other", func(t *testing.T) {
		e := good()
		headers := recordHeaders(&e)
		for i := range headers {
			_ = append(headers[i].Value, "XXXX"...)
		}
		equal(t, headers, record().Headers)
	})
}

func TestKeyOfTheRecord(t *testing.T) {
	tests := map[string]struct {
		change func(*event.Event)
		want   string
	}{
		"Kafka 3.1 is the partitionkey extension": {func(e *event.Event) {
			e.Subject, e.Extensions = "s", []event.Extension{{"ext", "x"}, {"partitionkey", "p"}}
		}, "p"},
		"is the subject where there is no partitionkey": {func(e *event.Event) { e.Subject = "s" }, "s"},
		"is the subject where the partitionkey is empty": {func(e *event.Event) {
			e.Subject, e.Extensions = "s",
				[]event.Extension{{"partitionkey", ""}}
		}, "s"},
		"is null where there is neither": {func(*event.Event) {}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := good()
			test.change(&e)
			equal(t, e.PartitionKey(), test.want)
		})
	}
}

func TestAttributesOfAnyLengthAreReadFromARecord(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	for n := 1; n < 4*128; n++ {
		e, err := event.FromRecord(&event.Record{Place: event.Place{Topic: "events"}, Headers: []event.Header{
			{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte(long(n))},
			{Key: "ce_source", Value: []byte("/s")},
			{Key: "ce_long", Value: []byte(long(2 * n))}, {Key: "ce_type", Value: []byte("t" + long(n/2))},
		}})
		if err != nil || e.ID != long(n) || e.Source != "/s" || e.Type != "t"+long(n/2) || e.Extension("long") != long(2*n) {
			t.Fatalf("with an id of %d characters the event is %+v, %v", n, e, err)
		}
	}
}

func TestTheIdentityOfAStructuredRecordDoesNotKeepItsValueInMemory(t *testing.T) {
	kept := make([]event.Identity, 0, 64)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range cap(kept) {
		value := structured(change{"data", `"` + strings.Repeat("x", 256<<10) + `"`})
		e, err := event.FromRecord(
			&event.Record{Value: value,
				Headers: []event.Header{{Key: "content-type", Value: []byte("application/cloudevents+json")}}})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, e.Identity())
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d identities keep %d bytes", len(kept), grown)
	}
	runtime.KeepAlive(kept)
}
