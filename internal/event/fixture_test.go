package event_test

import (
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

// change is one difference from the good fixture: it sets or adds the value under name, or removes it if the value is
// empty. Values of JSON members are raw JSON.
type change struct{ name, value string }

// recordHeaders are the headers of e's Kafka record.
func recordHeaders(e *event.Event) []event.Header {
	headers, _ := event.AppendHeaders([]event.Header(nil), nil, e)
	return headers
}

// structured is a good event in the JSON format, with changes.
func structured(changes ...change) []byte {
	members := apply([]change{
		{"specversion", `"1.0"`},
		{"id", `"A234-1234-1234"`},
		{"source", `"/mycontext"`},
		{"type", `"com.example.someevent"`},
		{"data", `{"n":1}`},
	}, changes)
	parts := make([]string, len(members))
	for i, m := range members {
		parts[i] = `"` + m.name + `":` + m.value
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

// headers are those of a good event in binary mode, with changes.
func headers(changes ...change) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, h := range apply([]change{
			{"ce-specversion", "1.0"},
			{"ce-id", "A234-1234-1234"},
			{"ce-source", "/mycontext"},
			{"ce-type", "com.example.someevent"},
		}, changes) {
			if !yield(h.name, h.value) {
				return
			}
		}
	}
}

// record is a Kafka record with a good event in binary mode, with changes of its headers.
func record(changes ...change) *event.Record {
	r := &event.Record{Place: event.Place{Topic: "events", Partition: 2, Offset: 42}, Value: []byte(`{"n":1}`)}
	for _, h := range apply([]change{
		{"ce_specversion", "1.0"},
		{"ce_id", "A234-1234-1234"},
		{"ce_source", "/mycontext"},
		{"ce_type", "com.example.someevent"},
		{"content-type", "application/json"},
	}, changes) {
		r.Headers = append(r.Headers, event.Header{Key: h.name, Value: []byte(h.value)})
	}
	return r
}

func apply(good, changes []change) []change {
	result := good
	for _, c := range changes {
		at := -1
		for i := range good {
			if good[i].name == c.name {
				at = i
			}
		}
		switch {
		case c.value == "" && at >= 0:
			result = append(result[:at:at], result[at+1:]...)
			good = result
		case at >= 0:
			result[at].value = c.value
		default:
			result = append(result, c)
		}
	}
	return result
}

// good is the event of the fixtures.
func good() event.Event {
	return event.Event{
		ID: "A234-1234-1234", Source: "/mycontext", Type: "com.example.someevent",
		DataContentType: "application/json", Data: []byte(`{"n":1}`),
	}
}

// seqOf makes headers from alternating names and values.
func seqOf(pairs ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	}
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}

func mustParse(t *testing.T, body []byte) event.Event {
	t.Helper()
	e, err := event.ParseStructured(body)
	if err != nil {
		t.Fatalf("ParseStructured(%s): %v", body, err)
	}
	return e
}

// wantFaults fails unless err is an InvalidError with exactly these faults. The arguments alternate: a place, then a
// part of the detail.
func wantFaults(t *testing.T, err error, placesAndDetails ...string) {
	t.Helper()
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %v, not an InvalidError", err)
	}
	if len(invalid.Fields) != len(placesAndDetails)/2 {
		t.Errorf("has %d faults instead of %d: %v", len(invalid.Fields), len(placesAndDetails)/2, err)
	}
	for i := 0; i+1 < len(placesAndDetails) && i/2 < len(invalid.Fields); i += 2 {
		f := invalid.Fields[i/2]
		if f.Pointer+f.Header != placesAndDetails[i] || f.Pointer != "" && f.Header != "" {
			t.Errorf("fault %d is at pointer %q, header %q; want %q", i/2, f.Pointer, f.Header, placesAndDetails[i])
		}
		if !strings.Contains(f.Detail, placesAndDetails[i+1]) {
			t.Errorf("fault at %s says %q, and nothing of %q", placesAndDetails[i], f.Detail, placesAndDetails[i+1])
		}
	}
}
