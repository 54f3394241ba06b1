package shred

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

// nowhere takes every event.
type nowhere struct{}

func (nowhere) Publish(_ context.Context, events []event.Event, _ ...event.Header) []event.Receipt {
	return make([]event.Receipt, len(events))
}

func (nowhere) Check(context.Context) error { return nil }

// size is what a record of the event takes before compression: value, and names and values of headers.
func size(e *event.Event) int {
	n := len(e.Data)
	headers, _ := event.AppendHeaders[event.Header](nil, nil, e)
	for _, h := range headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// BenchmarkPublish is what an event costs the API, around a publisher that does nothing: without keys, of a type that
// is not marked, and of one that is, whose key is known.
func BenchmarkPublish(b *testing.B) {
	r := NewRing(NewFolder(b.TempDir()), Types{"order.created"}, time.Hour)
	for _, c := range []struct {
		name      string
		publisher Next
		eventType string
	}{{"off", nowhere{}, "order.created"}, {"unmarked", r.Publisher(nowhere{}), "order.paid"},
		{"encrypted", r.Publisher(nowhere{}), "order.created"}} {
		b.Run(c.name, func(b *testing.B) {
			e := order("1", "ada")
			e.Type, e.Data = c.eventType, []byte(`{"name":"`+strings.Repeat("x", 289)+`"}`)
			before := size(&e)
			events := []event.Event{e}
			b.ReportAllocs()
			for b.Loop() {
				c.publisher.Publish(b.Context(), events)
			}
			if err := r.Seal(b.Context(), &e); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(size(&e)-before), "extra_bytes/event")
		})
	}
}

// BenchmarkOpen is what an event costs the processor.
func BenchmarkOpen(b *testing.B) {
	r := NewRing(NewFolder(b.TempDir()), Types{"order.created"}, time.Hour)
	plain := order("1", "ada")
	plain.Data = []byte(`{"name":"` + strings.Repeat("x", 289) + `"}`)
	sealed := plain
	if err := r.Seal(b.Context(), &sealed); err != nil {
		b.Fatal(err)
	}
	for name, e := range map[string]event.Event{"plain": plain, "encrypted": sealed} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				one := e
				if err := r.Open(b.Context(), &one); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirstKey is the first event of a subject, with keys in a folder.
func BenchmarkFirstKey(b *testing.B) {
	store := NewFolder(b.TempDir())
	n := 0
	for b.Loop() {
		n++
		if _, err := store.Current(b.Context(), strconv.Itoa(n)); err != nil {
			b.Fatal(err)
		}
	}
}
