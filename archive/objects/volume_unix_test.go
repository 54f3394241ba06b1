//go:build unix

package objects_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"syscall"
	"testing"
	"time"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
	"event-processing-service/internal/event"
)

// usual makes a record as the API does of an order: 5 attributes, a trace, some 200 bytes of data.
func usual(r *rand.Rand, partition int32, offset int64, at time.Time) (record event.Record, size int64) {
	id := fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())
	header := func(key, value string) event.Header {
		size += int64(len(key) + len(value))
		return event.Header{Key: key, Value: []byte(value)}
	}
	record = event.Record{
		Place: event.Place{Topic: "events", Partition: partition, Offset: offset}, Timestamp: at,
		Key: fmt.Appendf(nil, "customer-%d", r.IntN(100_000)),
		Value: fmt.Appendf(nil, `{"order":"%s","sku":"sku-%d","quantity":%d,"price":"%d.%02d","currency":"EUR","address":`+
			`{"street":"Street %d","city":"Berlin","zip":"%05d"},"note":"%x"}`, id, r.IntN(5000), 1+r.IntN(9), r.IntN(500),
			r.IntN(100), r.IntN(300), r.IntN(99999), r.Uint64()),
		Headers: []event.Header{
			header("ce_specversion", "1.0"), header("ce_id", id), header("ce_source", "/shop"),
			header("ce_type", "order.created"), header("ce_time", at.UTC().Format(time.RFC3339Nano)),
			header("content-type", "application/json"),
			header("traceparent", "00-"+id+"-"+id[:16]+"-01"), header("x-request-id", id[:20]),
		},
	}
	return record, size + int64(len(record.Key)+len(record.Value))
}

// memory is what the process has of the system.
func memory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() - sample[1].Value.Uint64()
}

// cpu is what the process has used of it.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// ARCHIVE_RECORDS=10000000 go test -run Millions -v -timeout 1h ./archive/objects
func TestMillionsOfRecordsAreArchivedAndVerifiedInLittleMemory(t *testing.T) {
	total := 100_000
	if v := os.Getenv("ARCHIVE_RECORDS"); v != "" {
		var err error
		if total, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	const partitions, batch = 6, 10_000
	r := rand.New(rand.NewPCG(1, 1))
	root := t.TempDir()
	place := objects.NewDirectory(root)
	a := archive.NewArchiver(place)
	raw, most, at := int64(0), uint64(0), time.Now()
	var writing, writingCPU time.Duration
	for n := 0; n < total; n += batch {
		s := archive.Span{Topic: "events", Partition: int32(n / batch % partitions)}
		s.First = int64(n / batch / partitions * batch)
		s.Last = s.First + batch - 1
		for i := range int64(batch) {
			at = at.Add(time.Millisecond)
			record, size := usual(r, s.Partition, s.First+i, at.Truncate(time.Millisecond))
			s.Records, raw = append(s.Records, record), raw+size
		}
		before, begun := cpu(t), time.Now()
		if err := a.Write(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		writing, writingCPU = writing+time.Since(begun), writingCPU+cpu(t)-before
		most = max(most, memory())
	}
	stored, count := int64(0), 0
	err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			info, e := entry.Info()
			stored, count, err = stored+info.Size(), count+1, e
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before, begun, found := cpu(t), time.Now(), int64(0)
	for account, err := range archive.Verify(t.Context(), place, "") {
		if err != nil {
			t.Fatal(err)
		}
		found += account.Records
		most = max(most, memory())
	}
	reading, readingCPU := time.Since(begun), cpu(t)-before
	n := float64(total)
	t.Logf("%d records of %.0f bytes: written at %.0f/s with %.1f µs of CPU each, verified at %.0f/s with %.1f µs; "+
		"%d objects, %.0f bytes a record (%.0f %%); at most %d MiB", total, float64(raw)/n, n/writing.Seconds(),
		float64(writingCPU.Microseconds())/n, n/reading.Seconds(), float64(readingCPU.Microseconds())/n, count,
		float64(stored)/n, 100*float64(stored)/float64(raw), most>>20)
	if found != int64(total) {
		t.Errorf("%d of %d records are found", found, total)
	}
	if most > 400<<20 {
		t.Errorf("it takes %d MiB", most>>20)
	}
}
