package processor

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
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
				in := batchOf(records...)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.deliver(b.Context(), b, in); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/record")
			})
		}
	}
}
