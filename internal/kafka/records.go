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

// RecordTopic is a topic of records that are stored and read as they are, byte for byte: the dead letter topic, or
// the topic to which records are replayed. It is safe for use by many goroutines, and connects only when it is first
// used, so that a function that never has a dead letter never pays for a connection.
type RecordTopic struct {
	mu     sync.Mutex
	client *kgo.Client // nil until the first use
	singly singly
	cfg    Config
	pc     ProducerConfig
	name   string
}

// NewRecordTopic makes a RecordTopic of the topic with that name. A fault in cfg is returned at the first use.
func NewRecordTopic(cfg Config, pc ProducerConfig, name string) *RecordTopic {
	return &RecordTopic{cfg: cfg, pc: pc.withDefaults(), name: name}
}

func (t *RecordTopic) connect() (*kgo.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.client != nil {
		return t.client, nil
	}
	client, err := newProducer(t.cfg, t.pc, []kgo.Opt{
		letterCompression(),
		// A record that its caller gave up is given up here, too. Otherwise the library goes on sending one that a broker may
		// have, for minutes or after a freeze, while the process that took over looks for it, does not find it, and stores
		// another.
		kgo.AllowIdempotentProduceCancellation(),
	})
	t.client = client
	return client, err
}

// Close disconnects. Every record was waited for, or given up by its caller, so nothing is left to flush.
func (t *RecordTopic) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.client != nil {
		t.client.Close()
	}
	t.singly.close()
}

// letterCompression makes a dead letter no larger than the record that it is made of, which its producer may have
// compressed with any codec. Brokers count compressed bytes against max.message.bytes.
func letterCompression() kgo.Opt { // not a variable: each client writes to the option's list of codecs
	return kgo.ProducerBatchCompression(kgo.ZstdCompression())
}

// Publish returns where the record lies, once every in-sync replica has it. It waits until ctx ends or the time-out
// passed, whatever the brokers do; after that the record may be stored or not. Topic, Partition, Offset and Timestamp
// of r are not used.
func (t *RecordTopic) Publish(ctx context.Context, r event.Record) (event.Place, error) {
	places, problems := t.publish(ctx, []event.Record{r})
	return places[0], problems[0]
}

// PublishAll stores records, those of one key in their order, and returns an error, or nil, for each.
func (t *RecordTopic) PublishAll(ctx context.Context, records []event.Record) []error {
	_, problems := t.publish(ctx, records)
	return problems
}

// Since yields what the topic holds now of the records with a timestamp from since on, and waits for those that not all
// replicas have yet. An error is the last that it yields.
func (t *RecordTopic) Since(ctx context.Context, since time.Time) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		client, err := t.connect()
		if err != nil {
			yield(event.Record{}, err)
			return
		}
		spans, err := boundsOfAll(ctx, client, t.name, since)
		if err != nil {
			yield(event.Record{}, err)
			return
		}
		Read(ctx, t.cfg, t.name, spans)(yield)
	}
}

func (t *RecordTopic) publish(ctx context.Context, records []event.Record) ([]event.Place, []error) {
	places, problems := make([]event.Place, len(records)), make([]error, len(records))
	client, err := t.connect()
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
		out[i] = &kgo.Record{Topic: t.name, Key: r.Key, Value: r.Value, Headers: headers}
	}
	ctx, cancel := context.WithTimeout(ctx, t.pc.Timeout)
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
			answers <- answer{i, placeOf(r), err}
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
		if RefusesRecord(err) { // or the batch that it was in
			places[i], err = t.publishAlone(ctx, out[i])
			problems[i] = err
		}
		if err != nil {
			problems[i] = fmt.Errorf("store record in topic %s: %w", t.name, classify(err, true)) // a broker may have it
		}
	}
	return places, problems
}

// publishAlone sends a record again that was too large with others, or for a batch of the client's usual size.
func (t *RecordTopic) publishAlone(ctx context.Context, r *kgo.Record) (event.Place, error) {
	client, err := t.singly.connect(t.cfg, t.pc, letterCompression())
	if err != nil {
		return event.Place{}, err
	}
	r, err = send(ctx, client, &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: r.Headers})
	if err != nil {
		return event.Place{}, err
	}
	return placeOf(r), nil
}
