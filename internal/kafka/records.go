package kafka

import (
	"context"
	"fmt"
	"sync"

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
	client, err := newProducer(p.cfg, p.pc, nil)
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

// Publish returns nil once every in-sync replica has the record. It waits until ctx ends or the time-out passed, whatever
// the brokers do; after that the record may be stored or not. Partition, Offset and Timestamp of r are not used.
func (p *RecordPublisher) Publish(ctx context.Context, r event.Record) error {
	client, err := p.connect()
	if err != nil {
		return err
	}
	headers := make([]kgo.RecordHeader, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = kgo.RecordHeader(h)
	}
	record := &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: headers}
	ctx, cancel := context.WithTimeout(ctx, p.pc.Timeout)
	defer cancel()
	// The library's own wait (ProduceSync) goes on after the end of ctx for a record that a broker may already have.
	stored := make(chan error, 1)
	client.Produce(ctx, record, func(_ *kgo.Record, err error) { stored <- err })
	select {
	case err = <-stored:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("store record in topic %s: %w", r.Topic, err)
	}
	return nil
}
