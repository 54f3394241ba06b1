package kafka_test

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

func ExamplePublisher_Publish() {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer broker.Close()
	brokers := kafka.Config{Brokers: broker.ListenAddrs(), Auth: kafka.AuthNone}
	publisher, err := kafka.NewPublisher(brokers, kafka.ProducerConfig{}, "events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer publisher.Close(context.Background())
	for _, receipt := range publisher.Publish(context.Background(), []event.Event{
		{ID: "order-1", Source: "/shop", Type: "order.created", Subject: "customer-7", Data: []byte(`{"n":1}`)},
		{ID: "order-2", Source: "/shop", Type: "order.created", Data: make([]byte, 2_000_000)},
	}) {
		if receipt.Err != nil {
			fmt.Println("refused:", event.FailureOf(receipt.Err))
			continue
		}
		fmt.Println("stored in", receipt.Topic, "partition", receipt.Partition, "offset", receipt.Offset)
	}
	// Output:
	// stored in events partition 0 offset 0
	// refused: event-too-large
}
