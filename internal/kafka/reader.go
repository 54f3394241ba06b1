package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
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

// Bounds returns what the topic holds now of the records with a timestamp from since on, below until. Zero times do not
// bound. The end stays where it is when records are added, so that reading to it ends. Kafka finds the first record at or
// after a time; with producers whose clocks differ, some behind it may be older.
func Bounds(ctx context.Context, client *kgo.Client, topic string, since, until time.Time) (Spans, error) {
	admin := kadm.NewClient(client)
	list := func(at time.Time, otherwise func(context.Context, ...string) (kadm.ListedOffsets, error)) (kadm.ListedOffsets, error) {
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
	end, err := list(until, admin.ListEndOffsets)
	if err != nil {
		return nil, err
	}
	spans := Spans{}
	first.Each(func(o kadm.ListedOffset) {
		if e, ok := end.Lookup(topic, o.Partition); ok {
			spans[o.Partition] = Span{First: o.Offset, End: max(o.Offset, e.Offset)}
		}
	})
	return spans, nil
}

// stallTimeout bounds the wait for the next record of a span. All of them are in the topic already, so only brokers that
// are away keep them back, or a gap at the very end of a span.
const stallTimeout = 30 * time.Second

// Read yields the records of the spans, those of each partition in their order, and ends at their end. It belongs to no
// consumer group and leaves no trace. An error is the last that it yields.
func Read(ctx context.Context, cfg Config, topic string, spans Spans) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		fail := func(err error) { yield(event.Record{}, fmt.Errorf("read topic %s: %w", topic, err)) }
		open, offsets := map[int32]int64{}, map[int32]kgo.Offset{}
		for p, s := range spans {
			if s.First < s.End {
				open[p], offsets[p] = s.End, kgo.NewOffset().At(s.First)
			}
		}
		if len(open) == 0 {
			return
		}
		client, err := newReader(cfg, topic, offsets)
		if err != nil {
			fail(err)
			return
		}
		defer client.Close()
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
				end, ok := open[r.Partition]
				if !ok {
					continue
				}
				if r.Offset < end && !r.Attrs.IsControl() && !yield(recordOf(r), nil) {
					return
				}
				if r.Offset >= end-1 {
					delete(open, r.Partition)
					client.PauseFetchPartitions(map[string][]int32{topic: {r.Partition}})
				}
			}
		}
	}
}

func newReader(cfg Config, topic string, offsets map[int32]kgo.Offset) (*kgo.Client, error) {
	opts, err := Options(cfg)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}),
		// Retention may overtake the reader: go on with what is left.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// A transaction's marker may be the last offset of a span; unseen, the end would never be reached.
		kgo.KeepControlRecords(),
		// What is not yet yielded lies in memory; the default of 50 MiB for each broker is much for a small task.
		kgo.FetchMaxBytes(8<<20),
	)...)
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
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp,
		Key: r.Key, Value: r.Value, Headers: headers,
	}
}
