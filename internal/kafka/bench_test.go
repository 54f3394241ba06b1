package kafka

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/internal/event"
)

// BenchmarkPublish publishes with many callers at a time. The broker is in this process, so its work is in the figures,
// too: compare them with each other only.
func BenchmarkPublish(b *testing.B) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "events"))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	p, err := NewPublisher(Config{Brokers: cluster.ListenAddrs(), Auth: AuthNone}, ProducerConfig{}, "events")
	if err != nil {
		b.Fatal(err)
	}
	defer p.client.Close()
	for _, size := range []int{1, 100} {
		events := make([]event.Event, size)
		for i := range events {
			events[i] = event.Event{ID: fmt.Sprint(i), Source: "/bench", Type: "order.created", Time: "2026-01-31T12:00:00Z",
				DataContentType: "application/json", Data: []byte(`{"order":12345,"note":"0123456789"}`)}
		}
		b.Run(fmt.Sprintf("batch of %d", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					for _, r := range p.Publish(b.Context(), events, event.Header{Key: "x-request-id", Value: []byte("1")}) {
						if r.Err != nil {
							b.Error(r.Err)
							return
						}
					}
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/event")
		})
	}
}
