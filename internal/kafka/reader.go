package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// Span is a part of a partition: the offsets from First on, below End.
type Span struct{ First, End int64 }

// Spans are parts of a topic, by partition.
type Spans map[int32]Span

// Len is how many offsets the spans have. There may be fewer records: compaction and transactions leave gaps.
func (s Spans) Len() int64 {
	var n int64
	for _, span := range s {
		n += max(0, span.End-span.First)
	}
	return n
}

// Bounds returns what the topic holds now of the records with a timestamp from since on, below until. Zero times do
// not bound. The end stays where it is when records are added, so that reading to it ends; it lies before the first
// record of a transaction that is not decided yet. Kafka finds the first record at or after a time; with producers
// whose clocks differ, some behind it may be older.
func Bounds(ctx context.Context, client *kgo.Client, topic string, since, until time.Time) (Spans, error) {
	admin := kadm.NewClient(client)
	type bound = func(context.Context, ...string) (kadm.ListedOffsets, error)
	list := func(at time.Time, otherwise bound) (kadm.ListedOffsets, error) {
		var offsets kadm.ListedOffsets
		var err error
		if at.IsZero() {
			offsets, err = otherwise(ctx, topic)
		} else {
			offsets, err = admin.ListOffsetsAfterMilli(ctx, at.UnixMilli(), topic)
		}
		if err = errors.Join(err, offsets.Error()); err != nil {
			return nil, fmt.Errorf("list offsets of topic %s: %w", topic, err)
		}
		return offsets, nil
	}
	first, err := list(since, admin.ListStartOffsets)
	if err != nil {
		return nil, err
	}
	end, err := list(until, admin.ListCommittedOffsets)
	if err != nil {
		return nil, err
	}
	decided, err := list(time.Time{}, admin.ListCommittedOffsets)
	if err != nil {
		return nil, err
	}
	spans := Spans{}
	first.Each(func(o kadm.ListedOffset) {
		if e, ok := end.Lookup(topic, o.Partition); ok {
			d, _ := decided.Lookup(topic, o.Partition)
			spans[o.Partition] = Span{First: o.Offset, End: max(o.Offset, min(e.Offset, d.Offset))}
		}
	})
	return spans, nil
}

// boundsOfAll is Bounds from since on, with all that the leaders have. A reader sees no record before all in-sync
// replicas have it, and none behind a transaction that is not decided; so one that was written while a replica was
// away is hidden until that replica is back or out of the set: it is waited for.
func boundsOfAll(ctx context.Context, client *kgo.Client, topic string, since time.Time) (Spans, error) {
	for tries := 1; ; tries++ {
		ends, err := leaderEnds(ctx, client, topic)
		if err != nil {
			return nil, err
		}
		spans, err := Bounds(ctx, client, topic, since, time.Time{})
		if err != nil {
			return nil, err
		}
		hidden := int64(0)
		for p, end := range ends {
			hidden += max(0, end-spans[p].End)
		}
		if hidden == 0 {
			return spans, nil
		}
		select {
		case <-time.After(backoff(tries)):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the replicas of topic %s, or for transactions, which hide %d records: %w", topic,
				hidden, ctx.Err())
		}
	}
}

// leaderEnds is where each leader's log ends: Kafka tells it as the end of the leader's epoch, which is the present
// one.
func leaderEnds(ctx context.Context, client *kgo.Client, topic string) (map[int32]int64, error) {
	fail := func(err error) (map[int32]int64, error) {
		return nil, fmt.Errorf("ask the leaders of topic %s for their ends: %w", topic, err)
	}
	partitions, err := partitionsOf(ctx, client, topic)
	if err != nil {
		return nil, err
	}
	var req kadm.OffsetForLeaderEpochRequest
	for _, p := range partitions {
		req.Add(topic, p.Partition, p.LeaderEpoch)
	}
	answers, err := kadm.NewClient(client).OffsetForLeaderEpoch(ctx, req)
	if err != nil {
		return fail(err)
	}
	ends := map[int32]int64{}
	for p := range req[topic] {
		a, ok := answers[topic][p]
		if !ok {
			a.Err = errNoAnswer
		}
		if a.Err != nil {
			return fail(fmt.Errorf("partition %d: %w", p, a.Err))
		}
		ends[p] = a.EndOffset // -1 of a leader that has not begun: nothing is hidden
	}
	return ends, nil
}

// stallTimeout bounds the wait for the next record of a span. All of them are in the topic already, so only brokers
// that are away keep them back, or a gap at the very end of a span.
const stallTimeout = 30 * time.Second

// Read yields the records of the spans, those of each partition in their order, and ends at their end. It belongs to no
// consumer group and leaves no trace. An error is the last that it yields.
func Read(ctx context.Context, cfg Config, topic string, spans Spans) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		open := spans.open()
		if len(open) == 0 {
			return
		}
		client, err := newReader(cfg, topic, open.offsets())
		if err != nil {
			yield(event.Record{}, fmt.Errorf("read topic %s: %w", topic, err))
			return
		}
		defer client.Close()
		readOn(ctx, client, topic, open, yield)
	}
}

// readOn reads the spans, which it uses up, from a client that consumes them from their first records on.
func readOn(ctx context.Context, client *kgo.Client, topic string, open Spans, yield func(event.Record, error) bool) {
	fail := func(err error) { yield(event.Record{}, fmt.Errorf("read topic %s: %w", topic, err)) }
	for len(open) > 0 {
		polling, cancel := context.WithTimeout(ctx, stallTimeout)
		fetches := client.PollFetches(polling)
		cancel()
		if err := ctx.Err(); err != nil {
			fail(err)
			return
		}
		if err := fetches.Err(); err != nil {
			fail(fmt.Errorf("with %d partitions not at their end: %w", len(open), err))
			return
		}
		for r := range fetches.RecordsAll() {
			s, ok := open[r.Partition]
			if !ok || r.Topic != topic {
				continue
			}
			if r.Offset < s.End && !r.Attrs.IsControl() && !yield(recordOf(r), nil) {
				return
			}
			if r.Offset >= s.End-1 {
				delete(open, r.Partition)
				client.PauseFetchPartitions(map[string][]int32{topic: {r.Partition}})
			}
		}
	}
}

// open are the spans that have records.
func (s Spans) open() Spans {
	open := Spans{}
	for p, span := range s {
		if span.First < span.End {
			open[p] = span
		}
	}
	return open
}

func (s Spans) offsets() map[int32]kgo.Offset {
	offsets := map[int32]kgo.Offset{}
	for p, span := range s {
		offsets[p] = kgo.NewOffset().At(span.First)
	}
	return offsets
}

func newReader(cfg Config, topic string, offsets map[int32]kgo.Offset, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := Options(cfg)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(slices.Concat(opts, []kgo.Opt{
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}),
		// Retention may overtake the reader: go on with what is left.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// A record of a transaction that was aborted was never meant to be read.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// A transaction's marker may be the last offset of a span; unseen, the end would never be reached.
		kgo.KeepControlRecords(),
		// What is not yet yielded lies in memory; the default of 50 MiB for each broker is much for a small task.
		kgo.FetchMaxBytes(8 << 20),
	}, more)...)
	if err != nil {
		return nil, fmt.Errorf("make Kafka client: %w", err)
	}
	return client, nil
}

func recordOf(r *kgo.Record) event.Record {
	headers := make([]event.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = event.Header(h)
	}
	return event.Record{
		Place: placeOf(r), Timestamp: r.Timestamp,
		Key: r.Key, Value: r.Value, Headers: headers,
	}
}

func placeOf(r *kgo.Record) event.Place {
	return event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}

// Follow yields the records of topics from a time on, as they come, until ctx ends; of different partitions in any
// order. The zero time is now. It belongs to no consumer group and leaves no trace. An error does not end it: the
// client goes on trying.
func Follow(ctx context.Context, cfg Config, since time.Time, topics ...string) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		start := kgo.NewOffset().AtEnd()
		if !since.IsZero() {
			start = kgo.NewOffset().AfterMilli(since.UnixMilli())
		}
		opts, err := Options(cfg)
		var client *kgo.Client
		if err == nil {
			client, err = kgo.NewClient(append(opts,
				kgo.ConsumeTopics(topics...),
				kgo.ConsumeStartOffset(start),
				kgo.FetchIsolationLevel(kgo.ReadCommitted()),
				kgo.FetchMaxBytes(8<<20), // see newReader
			)...)
		}
		if err != nil {
			yield(event.Record{}, fmt.Errorf("make Kafka client: %w", err))
			return
		}
		defer client.Close()
		for ctx.Err() == nil {
			fetches := client.PollFetches(ctx)
			for _, e := range fetches.Errors() {
				if ctx.Err() == nil && !yield(event.Record{}, fmt.Errorf("read topic %s: %w", e.Topic, e.Err)) {
					return
				}
			}
			for r := range fetches.RecordsAll() {
				if !yield(recordOf(r), nil) {
					return
				}
			}
		}
	}
}
