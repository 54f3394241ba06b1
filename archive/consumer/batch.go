package consumer

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive"
	"event-processing-service/internal/event"
)

type partition struct {
	topic string
	n     int32
}

// batch is what waits of a partition: all that lies from first to last.
type batch struct {
	partition
	first   int64 // where the batch before ended; -1: the first offset that is read
	last    int64 // the last offset that was read; below first: none
	epoch   int32 // of its leader
	records []event.Record
	bytes   int

	since  time.Time     // when the first of it was read
	tries  int           // writes that failed, in a row
	next   time.Time     // when the next may be tried
	paused bool          // nothing more of it is fetched
	took   time.Duration // by the last write
}

func newBatch(p partition, first int64) *batch {
	return &batch{partition: p, first: first, last: first - 1, epoch: -1}
}

// isEmpty tells whether nothing was read: an offset that is not a record's, but a marker's, is something.
func (b *batch) isEmpty() bool { return b.last < b.first || b.first < 0 }

// overhead is about what a record and each of its headers take in memory beside their bytes.
const overhead, headerOverhead = 500, 80

// add takes a record, and says by how many bytes more is waiting.
func (b *batch) add(r *kgo.Record, now time.Time) (bytes int) {
	if b.first < 0 {
		b.first, b.last = r.Offset, r.Offset-1
	}
	if r.Offset <= b.last { // the brokers lost their last records, and have others there now
		bytes -= b.rewind(r.Offset)
	}
	if b.isEmpty() {
		b.since = now
	}
	b.last, b.epoch = r.Offset, r.LeaderEpoch
	if r.Attrs.IsControl() {
		return bytes
	}
	record := event.Record{
		Place:     event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset},
		Timestamp: r.Timestamp, Key: r.Key, Value: r.Value,
	}
	size := overhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		record.Headers = append(record.Headers, event.Header(h))
		size += headerOverhead + len(h.Key) + len(h.Value)
	}
	b.records = append(b.records, record)
	b.bytes += size
	return bytes + size
}

// rewind forgets what lies from an offset on.
func (b *batch) rewind(to int64) (bytes int) {
	for len(b.records) > 0 && b.records[len(b.records)-1].Offset >= to {
		b.records = b.records[:len(b.records)-1]
	}
	if len(b.records) == 0 {
		bytes, b.bytes = b.bytes, 0
	}
	b.first, b.last = min(b.first, to), to-1
	return bytes
}

func (b *batch) span() archive.Span {
	return archive.Span{Topic: b.topic, Partition: b.n, First: b.first, Last: b.last, Records: b.records}
}

// restart begins the batch that follows one that is archived. Its memory is not kept: a batch of large records is rare.
func (b *batch) restart() (bytes int) {
	bytes = b.bytes
	b.first, b.records, b.bytes, b.tries, b.next = b.last+1, nil, 0, 0, time.Time{}
	return bytes
}

// backoff is 0.2 s, doubled with each try, up to 10 s: a bucket that is back is found soon, and one that is not, not
// asked without end.
func backoff(tries int) time.Duration {
	return min(200*time.Millisecond<<min(tries-1, 6), 10*time.Second)
}
