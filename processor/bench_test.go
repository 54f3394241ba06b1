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

// freeStore grants everything and remembers nothing, so that what is measured is the processor.
type freeStore struct{}

func (freeStore) Begin(_ context.Context, c event.Claim) (event.Claim, error) {
	c.State, c.Attempt = event.ClaimGranted, 1
	return c, nil
}

func (freeStore) Finish(_ context.Context, c event.Claim, _ event.Outcome) (event.Claim, error) {
	c.State = event.ClaimGranted
	return c, nil
}

func BenchmarkHandle(b *testing.B) {
	for _, handled := range []bool{false, true} {
		for _, count := range []int{1, 100, 10_000} {
			name := fmt.Sprintf("recorded/%d", count)
			if handled {
				name = fmt.Sprintf("handled/%d", count)
			}
			b.Run(name, func(b *testing.B) {
				r := newRig()
				r.store = freeStore{}
				if handled {
					r.mux.HandleFunc("bench", func(context.Context, event.Event) error { return nil })
				}
				records := make([]events.KafkaRecord, count)
				for i := range records {
					records[i] = record(int64(i), fmt.Sprint("key-", i%1000), fmt.Sprint(i), "bench")
				}
				p := r.build(b)
				in, err := payload.Parse(payloadOf(batchOf(records...)))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.Handle(b.Context(), &in); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/record")
			})
		}
	}
}

// BenchmarkInvoke measures all that an invocation costs: payload in, answer out. The events are as the API writes them.
func BenchmarkInvoke(b *testing.B) {
	for _, handled := range []bool{false, true} {
		for _, count := range []int{1, 100, 10_000} {
			name := fmt.Sprintf("recorded/%d", count)
			if handled {
				name = fmt.Sprintf("handled/%d", count)
			}
			b.Run(name, func(b *testing.B) {
				r := newRig()
				r.store = freeStore{}
				if handled {
					r.mux.HandleFunc("order.created", func(context.Context, event.Event) error { return nil })
				}
				function, text := Function(r.build(b).Handle), apiPayload(b, count)
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := function.Invoke(b.Context(), text); err != nil {
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
	in := events.KafkaEvent{EventSource: "aws:kafka", BootstrapServers: "localhost:9092", Records: map[string][]events.KafkaRecord{}}
	data := []byte(`{"order":"1234567","customer":"01890a5d-ac96-774b-bcce-b302099a8057","lines":[{"sku":"A-1","n":1},{"sku":"B-2","n":20}],"total":12.30}`)
	for i := range count {
		partition := i % 3
		r := payloadRecord(event.Record{
			Topic: "events", Partition: int32(partition), Offset: int64(i), Timestamp: time.UnixMilli(1_770_000_000_000), Value: data,
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
