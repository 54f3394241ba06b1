package kafka

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// RecordPublisher stores records as they are, byte for byte, in the topic that each names: dead letters, and dead letters
// on their way back. It is safe for use by many goroutines, and connects only when the first record comes, so that a
// function that never has a dead letter never pays for a connection.
type RecordPublisher struct {
	mu     sync.Mutex
	client *kgo.Client // nil until the first record
	cfg    Config
	pc     ProducerConfig
}

// NewRecordPublisher makes a RecordPublisher. A fault in cfg comes out at the first record.
func NewRecordPublisher(cfg Config, pc ProducerConfig) *RecordPublisher {
	if pc.Timeout == 0 {
		pc.Timeout = DefaultTimeout
	}
	pc.MaxBufferedRecords, pc.MaxBufferedBytes = defaultMaxBufferedRecords, defaultMaxBufferedBytes
	return &RecordPublisher{cfg: cfg, pc: pc}
}

func (p *RecordPublisher) connect() (*kgo.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		return p.client, nil
	}
	client, err := newProducer(p.cfg, p.pc, []kgo.Opt{
		// A dead letter is up to 2 KiB larger than its record, and the record may be as large as the client library lets
		// a Publisher send (1,000,012 bytes). Were this the same limit, such a letter could never be stored, and the
		// record would hold up its partition for ever. 1 MiB is what brokers take by default (1,048,588), less 12 bytes.
		kgo.ProducerBatchMaxBytes(1 << 20),
		// A record that its caller gave up is given up here, too. Without this the library goes on sending one that a broker
		// may have, for minutes or after a freeze, while whoever has taken over looks for it, does not find it, and stores
		// another.
		kgo.AllowIdempotentProduceCancellation(),
	})
	p.client = client
	return client, err
}

// Close disconnects. Every record was waited for, or given up by its caller, so nothing is left to flush.
func (p *RecordPublisher) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		p.client.Close()
	}
}

// Publish returns where the record lies, once every in-sync replica has it. It waits until ctx ends or the time-out passed,
// whatever the brokers do; after that the record may be stored or not. Partition, Offset and Timestamp of r are not used.
func (p *RecordPublisher) Publish(ctx context.Context, r event.Record) (event.Place, error) {
	places, problems := p.publish(ctx, []event.Record{r})
	return places[0], problems[0]
}

// PublishAll stores records, those of one key in their order, and returns an error, or nil, for each.
func (p *RecordPublisher) PublishAll(ctx context.Context, records []event.Record) []error {
	_, problems := p.publish(ctx, records)
	return problems
}

// Since yields what the topic holds now of the records with a timestamp from since on, and waits for those that not all
// replicas have yet. An error is the last that it yields.
func (p *RecordPublisher) Since(ctx context.Context, topic string, since time.Time) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		client, err := p.connect()
		if err != nil {
			yield(event.Record{}, err)
			return
		}
		spans, err := boundsOfAll(ctx, client, topic, since)
		if err != nil {
			yield(event.Record{}, err)
			return
		}
		Read(ctx, p.cfg, topic, spans)(yield)
	}
}

func (p *RecordPublisher) publish(ctx context.Context, records []event.Record) ([]event.Place, []error) {
	places, problems := make([]event.Place, len(records)), make([]error, len(records))
	client, err := p.connect()
	if err != nil {
		for i := range problems {
			problems[i] = err
		}
		return places, problems
	}
	out := make([]*kgo.Record, len(records))
	for i, r := range records {
		headers := make([]kgo.RecordHeader, len(r.Headers))
		for j, h := range r.Headers {
			headers[j] = kgo.RecordHeader(h)
		}
		out[i] = &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: headers}
	}
	ctx, cancel := context.WithTimeout(ctx, p.pc.Timeout)
	defer cancel()
	// The library's own wait (ProduceSync) goes on after the end of ctx for a record that a broker may already have, so
	// the answers come over a channel that can be left.
	type answer struct {
		index int
		place event.Place
		err   error
	}
	answers := make(chan answer, len(out))
	for i, r := range out {
		client.Produce(ctx, r, func(r *kgo.Record, err error) {
			answers <- answer{i, event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, err}
		})
		problems[i] = errNoAnswer
	}
	for range out {
		select {
		case a := <-answers:
			if problems[a.index] = a.err; a.err == nil {
				places[a.index] = a.place
			}
		case <-ctx.Done():
		}
	}
	for i, err := range problems {
		if err != nil {
			problems[i] = fmt.Errorf("store record in topic %s: %w", out[i].Topic, classify(err, true)) // a broker may have it
		}
	}
	return places, problems
}
