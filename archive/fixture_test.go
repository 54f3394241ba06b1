package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

// bucket keeps objects in memory. Where fail is set, it decides what becomes of each Put.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	fail    func() (stored bool, err error)
}

func newBucket() *bucket { return &bucket{objects: map[string][]byte{}} }

func (b *bucket) Put(_ context.Context, name string, body []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	stored, err := true, error(nil)
	if b.fail != nil {
		stored, err = b.fail()
	}
	if _, taken := b.objects[name]; taken && stored {
		return ErrExists
	}
	if stored {
		b.objects[name] = bytes.Clone(body)
	}
	return err
}

func (b *bucket) Get(_ context.Context, name string) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, ok := b.objects[name]
	if !ok {
		return nil, fmt.Errorf("there is no object %s", name)
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (b *bucket) names() []string { return slices.Sorted(maps.Keys(b.objects)) }

func (b *bucket) List(_ context.Context, prefix, from string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range b.names() {
			if strings.HasPrefix(name, prefix) && name >= from && !yield(name, nil) {
				return
			}
		}
	}
}

// partitionLog is a partition as Kafka has it: the offsets between its records belong to no record.
type partitionLog struct {
	topic     string
	partition int32
	records   []event.Record
}

var noon = time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)

// newLog makes n records of every shape. The clock goes on by up to step with each; one in oneInJumps has another.
func newLog(r *rand.Rand, topic string, partition int32, n int, step time.Duration, oneInJumps int) partitionLog {
	l := partitionLog{topic: topic, partition: partition}
	offset, at := r.Int64N(100), noon
	for range n {
		offset++
		if r.IntN(20) == 0 {
			offset += 1 + r.Int64N(3)
		}
		at = at.Add(time.Duration(r.Int64N(int64(step) + 1))).Truncate(time.Millisecond)
		record := event.Record{
			Place: event.Place{Topic: topic, Partition: partition, Offset: offset}, Timestamp: time.UnixMilli(at.UnixMilli()),
			Key: anyBytes(r), Value: anyBytes(r),
		}
		if oneInJumps > 0 && r.IntN(oneInJumps) == 0 {
			record.Timestamp = time.UnixMilli([]int64{-1, 0, 1, 4102444800000, 1 << 53, at.UnixMilli() / 1000}[r.IntN(6)])
		}
		for range r.IntN(4) {
			record.Headers = append(record.Headers, event.Header{Key: string(anyBytes(r)), Value: anyBytes(r)})
		}
		l.records = append(l.records, record)
	}
	return l
}

// anyBytes are null, empty, text, text that JSON escapes, or no text at all.
func anyBytes(r *rand.Rand) []byte {
	switch r.IntN(6) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return []byte("\x00\n\r\u2028 \"\\ \ufffd é 𝄞 </script>")
	case 3:
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	return fmt.Appendf(nil, `{"n": %d.0 }`, r.IntN(1000))
}

// deliver writes the log from an offset on, in batches as they fall, with deaths and redelivery, as a consumer group
// does that commits what Write has taken.
func (l partitionLog) deliver(t *testing.T, r *rand.Rand, a *Archiver) {
	t.Helper()
	for committed, tries := 0, 0; committed < len(l.records); {
		end := min(len(l.records), committed+1+r.IntN(50))
		first := l.records[0].Offset
		if committed > 0 {
			first = l.records[committed-1].Offset + 1
		}
		err := a.Write(t.Context(), Span{l.topic, l.partition, first, l.records[end-1].Offset, l.records[committed:end]})
		if tries++; tries > 100*len(l.records) {
			t.Fatalf("it does not come to an end: %v", err)
		}
		switch chance := r.IntN(8); {
		case err != nil: // and then it is cut otherwise
		case chance == 0: // it dies before it commits, or another one had begun with the same
		case chance == 1:
			committed = max(0, end-r.IntN(200)) // an old position comes back
		default:
			committed = end
		}
	}
}

// readAll gives the records by partition, and the errors.
func readAll(t *testing.T, from Source, within Range) (map[int32][]event.Record, []error) {
	t.Helper()
	contents, err := List(t.Context(), from, within)
	if err != nil {
		return nil, []error{err}
	}
	records, problems := map[int32][]event.Record{}, []error(nil)
	for r, err := range contents.Records(t.Context()) {
		if err != nil {
			problems = append(problems, err)
			continue
		}
		records[r.Partition] = append(records[r.Partition], r)
	}
	return records, problems
}

func verified(t *testing.T, from Source) (accounts []Account, problems []error) {
	t.Helper()
	for a, err := range Verify(t.Context(), from, "") {
		if err != nil {
			problems = append(problems, err)
		} else {
			accounts = append(accounts, a)
		}
	}
	return accounts, problems
}

// differs compares to the byte: nil is not empty.
func differs(want, got any) string {
	if reflect.DeepEqual(want, got) { // which takes a hundredth of the time
		return ""
	}
	return cmp.Diff(want, got)
}

var errAway = errors.New("the bucket is away")
