package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// Publisher stores events in one topic. It is safe for use by many goroutines.
type Publisher struct {
	client  *kgo.Client
	writes  *produceWrites
	topic   string
	timeout time.Duration
}

// NewPublisher makes a Publisher; it connects when the first event comes. Options in extra, such as hooks for metrics,
// are added to its client.
func NewPublisher(cfg Config, pc ProducerConfig, topic string, extra ...kgo.Opt) (*Publisher, error) {
	if pc.Timeout == 0 {
		pc.Timeout = DefaultTimeout
	}
	if pc.MaxBufferedRecords == 0 {
		pc.MaxBufferedRecords = defaultMaxBufferedRecords
	}
	if pc.MaxBufferedBytes == 0 {
		pc.MaxBufferedBytes = defaultMaxBufferedBytes
	}
	writes := new(produceWrites)
	client, err := newProducer(cfg, pc, append([]kgo.Opt{kgo.WithHooks(writes)}, extra...))
	if err != nil {
		return nil, err
	}
	return &Publisher{client: client, writes: writes, topic: topic, timeout: pc.Timeout}, nil
}

// Publish stores events in their order and waits until each is acknowledged by all in-sync replicas, has failed, or the
// time-out passed. The result has one Receipt an event. transport headers, such as traceparent, are added to each record;
// they and the events must not change afterwards.
//
// Once a record is buffered, the end of ctx does not call it back: Kafka may have it already. So ctx is looked at before,
// and after that only the time-out ends the wait.
func (p *Publisher) Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	if err := ctx.Err(); err != nil {
		return p.neverSent(len(events), err)
	}
	if len(events) == 0 {
		return nil
	}
	unending := ctx // a copy of one that never ends is not worth its allocation
	if ctx.Done() != nil {
		unending = context.WithoutCancel(ctx)
	}
	d := newDelivery(p, len(events))
	for i := range events {
		p.client.TryProduce(unending, d.record(i, &events[i], transport), d.promise(i))
	}
	return d.wait(p.timeout)
}

func (p *Publisher) neverSent(events int, err error) []event.Receipt {
	receipts := make([]event.Receipt, events)
	for i := range receipts {
		receipts[i] = event.Receipt{Topic: p.topic, Err: &event.PublishError{Failure: event.FailureNeverSent, Err: err}}
	}
	return receipts
}

// forgetTopicID lets the client look the topic up anew where it was deleted and created again: the library itself goes on
// with the id of the old one for as long as it lives.
func (p *Publisher) forgetTopicID(err error) {
	if errors.Is(err, kerr.UnknownTopicID) {
		go p.client.PurgeTopicsFromProducing(p.topic) // not here: it waits for the promises, of which this is one
	}
}

// Check fails unless the topic is there and each of its partitions has a leader to write to.
func (p *Publisher) Check(ctx context.Context) error { return checkTopic(ctx, p.client, p.topic) }

// Topic is where the events go.
func (p *Publisher) Topic() string { return p.topic }

// Close waits for what is buffered, until ctx ends, and disconnects. Publish must not be called any more.
func (p *Publisher) Close(ctx context.Context) error {
	err := p.client.Flush(ctx)
	p.client.Close()
	return err
}
