package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// Publisher stores events in its topic, or in those that their types are routed to. It is safe for use by many
// goroutines.
type Publisher struct {
	client *kgo.Client
	writes *produceWrites
	routes routes
	cfg    Config
	pc     ProducerConfig
	singly singly
}

// NewPublisher makes a Publisher; it connects when the first event comes. Options in extra, such as hooks for metrics,
// are added to its client.
func NewPublisher(cfg Config, pc ProducerConfig, topic string, extra ...kgo.Opt) (*Publisher, error) {
	pc = pc.withDefaults()
	writes := new(produceWrites)
	client, err := newProducer(cfg, pc, append([]kgo.Opt{kgo.WithHooks(writes)}, extra...))
	if err != nil {
		return nil, err
	}
	return &Publisher{client: client, writes: writes, routes: newRoutes(topic, pc.Routes), cfg: cfg, pc: pc}, nil
}

// Publish stores events in their order and waits until each is acknowledged by all in-sync replicas, has failed, or
// the time-out passed. The result has one Receipt an event. transport headers, such as traceparent, are added to each
// record; they and the events must not change afterwards.
//
// Once a record is buffered, the end of ctx does not call it back: Kafka may have it already. So ctx is looked at
// before, and after that only the time-out ends the wait.
func (p *Publisher) Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	if err := ctx.Err(); err != nil {
		return p.neverSent(events, err)
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
	return d.wait(p.pc.Timeout)
}

func (p *Publisher) neverSent(events []event.Event, err error) []event.Receipt {
	receipts := make([]event.Receipt, len(events))
	for i := range receipts {
		receipts[i] = event.Receipt{Place: event.Place{Topic: p.routes.topic(events[i].Type)},
			Err: &event.PublishError{Failure: event.FailureNotSent, Err: err}}
	}
	return receipts
}

// forgetTopicID lets the client look a topic up again where it was deleted and created again: the library itself
// goes on with the id of the old one for as long as it lives.
func (p *Publisher) forgetTopicID(topic string, err error) {
	if errors.Is(err, kerr.UnknownTopicID) {
		go p.client.PurgeTopicsFromProducing(topic) // not here: it waits for the promises, of which this is one
	}
}

// Check fails unless each topic is there and each of its partitions has a leader to write to.
func (p *Publisher) Check(ctx context.Context) error {
	for _, topic := range p.routes.all() {
		if err := checkTopic(ctx, p.client, topic); err != nil {
			return err
		}
	}
	return nil
}

// Buffered tells how many records wait for Kafka's acknowledgement, and their bytes.
func (p *Publisher) Buffered() (records, bytes int64) {
	return p.client.BufferedProduceRecords(), p.client.BufferedProduceBytes()
}

// Topic is where events go whose type has no route.
func (p *Publisher) Topic() string { return p.routes.byDefault }

// Close waits for what is buffered, until ctx ends, and disconnects. Publish must not be called any more.
func (p *Publisher) Close(ctx context.Context) error {
	err := p.client.Flush(ctx)
	p.client.Close()
	p.singly.close()
	return err
}
