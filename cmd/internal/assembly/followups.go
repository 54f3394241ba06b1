package assembly

import (
	"context"
	"sync"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// followUpTimeout is short enough for an attempt of 10 s to wait for Kafka more than once.
const followUpTimeout = 4 * time.Second

// followUps publishes to the topics of the events. It makes its client for the first event, so that a function whose
// handlers publish nothing has no connection.
type followUps struct {
	cfg    kafka.Config
	topic  string
	routes kafka.Routes

	mu        sync.Mutex
	publisher *kafka.Publisher
}

func (f *followUps) open() (*kafka.Publisher, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.publisher != nil {
		return f.publisher, nil
	}
	p, err := kafka.NewPublisher(f.cfg, kafka.ProducerConfig{Timeout: followUpTimeout, Routes: f.routes}, f.topic)
	if err == nil {
		f.publisher = p
	}
	return p, err
}

func (f *followUps) Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	p, err := f.open()
	if err == nil {
		return p.Publish(ctx, events, transport...)
	}
	receipts := make([]event.Receipt, len(events))
	for i := range receipts {
		receipts[i].Err = &event.PublishError{Failure: event.FailureNotSent, Err: err}
	}
	return receipts
}

func (f *followUps) Check(ctx context.Context) error {
	p, err := f.open()
	if err != nil {
		return err
	}
	return p.Check(ctx)
}

// close disconnects. Handlers have waited for their events, or have given up.
func (f *followUps) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.publisher != nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = f.publisher.Close(ended)
	}
}
