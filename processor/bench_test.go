package processor

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// freeStore grants everything and remembers nothing, so that only the processor is measured.
type freeStore struct{}

func (freeStore) Begin(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{Answer: event.Granted, Attempt: 1}, nil
}

func (freeStore) Renew(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{Answer: event.Granted, Attempt: 1}, nil
}

func (freeStore) Finish(context.Context, event.Claim, event.Outcome) (event.Reply, error) {
	return event.Reply{Answer: event.Written}, nil
}

func (freeStore) Release(context.Context, event.Claim, int, string) error { return nil }

func BenchmarkHandle(b *testing.B) {
	eachSize(b, "bench", func(b *testing.B, p *Processor, count int) (once func() error) {
		records := make([]events.KafkaRecord, count)
		for i := range records {
			records[i] = record(int64(i), fmt.Sprint("key-", i%1000), fmt.Sprint(i), "bench")
		}
		in, err := payload.Parse(payloadOf(batchOf(records...)))
		if err != nil {
			b.Fatal(err)
		}
		return func() error { _, err := p.Handle(b.Context(), &in); return err }
	})
}

// BenchmarkInvoke measures a whole invocation, from the payload to the answer. The events are as the API writes them.
func BenchmarkInvoke(b *testing.B) {
	eachSize(b, "order.created", func(b *testing.B, p *Processor, count int) (once func() error) {
		function, text := payload.Function(p.Handle), apiPayload(b, count)
		b.SetBytes(int64(len(text)))
		return func() error { _, err := function.Invoke(b.Context(), text); return err }
	})
}

// eachSize measures batches of several sizes, with a handler for the event type and without one.
func eachSize(b *testing.B, eventType string, prepare func(*testing.B, *Processor, int) func() error) {
	for _, way := range []string{"recorded", "handled"} {
		for _, count := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", way, count), func(b *testing.B) {
				r := newRig()
				r.store = freeStore{}
				if way == "handled" {
					r.mux.HandleFunc(eventType, func(context.Context, event.Event) error { return nil })
				}
				once := prepare(b, r.build(b), count)
				b.ReportAllocs()
				for b.Loop() {
					if err := once(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/record")
			})
		}
	}
}

// apiPayload is an invocation with events of three partitions as the API writes them.
func apiPayload(t testing.TB, count int) []byte {
	t.Helper()
	in := events.KafkaEvent{EventSource: "aws:kafka", BootstrapServers: "localhost:9092",
		Records: map[string][]events.KafkaRecord{}}
	data := []byte(
		`{"order":"1234567","customer":"01890a5d-ac96-774b-bcce-b302099a8057",` +
			`"lines":[{"sku":"A-1","n":1},{"sku":"B-2","n":20}],"total":12.30}`)
	for i := range count {
		partition := i % 3
		r := payloadRecord(event.Record{
			Place:     event.Place{Topic: "events", Partition: int32(partition), Offset: int64(i)},
			Timestamp: time.UnixMilli(1_770_000_000_000), Value: data,
			Headers: []event.Header{
				{Key: "ce_specversion", Value: []byte("1.0")},
				{Key: "ce_id", Value: []byte(fmt.Sprint("order-", i))},
				{Key: "ce_source", Value: []byte("/bench/orders")},
				{Key: "ce_type", Value: []byte("order.created")},
				{Key: "ce_time", Value: []byte("2026-01-31T12:00:00Z")},
				{Key: "content-type", Value: []byte("application/json")},
				{Key: "x-request-id", Value: []byte("01890a5d-ac96-774b-bcce-b302099a8057")},
			},
		})
		in.Records[name(int32(partition))] = append(in.Records[name(int32(partition))], r)
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
