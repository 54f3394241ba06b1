package kafka

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// Rereader reads spans as Read does, again and again, over connections that it keeps: with IAM a broker takes 100 new
// connections a second, a small one 4, and those that a reader takes are missing to everybody else. What it has not
// used for keepFor it gives back. It may be used concurrently; one read waits for the other.
type Rereader struct {
	cfg     Config
	keepFor time.Duration
	mu      sync.Mutex
	client  *kgo.Client // nil: the next read makes it
	unused  *time.Timer
}

// keepConnections is longer than the pauses of somebody who looks at a topic, and shorter than those of somebody who
// has gone.
const keepConnections = 15 * time.Second

// shortFetch is enough for some hundred records. What a broker sends beyond the end of a span is read for nothing, and
// the default is 1 MiB of each partition. It sends a larger record all the same.
const shortFetch = 64 << 10

// NewRereader connects with the first read.
func NewRereader(cfg Config) *Rereader {
	r := &Rereader{cfg: cfg, keepFor: keepConnections}
	r.unused = time.AfterFunc(r.keepFor, r.Close)
	return r
}

// Read is the function Read. The loop over the records must not read from the same Rereader.
func (r *Rereader) Read(ctx context.Context, topic string, spans Spans) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		open := spans.open()
		if len(open) == 0 {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		defer func() { r.unused.Reset(r.keepFor) }()
		partitions := map[string][]int32{topic: slices.Collect(maps.Keys(open))}
		if r.client == nil {
			client, err := newReader(r.cfg, topic, open.offsets(), kgo.FetchMaxPartitionBytes(shortFetch))
			if err != nil {
				yield(event.Record{}, fmt.Errorf("read topic %s: %w", topic, err))
				return
			}
			r.client = client
		} else {
			r.client.ResumeFetchPartitions(partitions)
			r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: open.offsets()})
		}
		isGood := true
		readOn(ctx, r.client, topic, open, func(record event.Record, err error) bool {
			isGood = isGood && err == nil
			return yield(record, err)
		})
		if !isGood { // what is left of a read that failed must not be in the next one
			r.client.Close()
			r.client = nil
			return
		}
		r.client.RemoveConsumePartitions(partitions)
	}
}

// Close ends the connections. A later read makes new ones.
func (r *Rereader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil {
		r.client.Close()
		r.client = nil
	}
}
