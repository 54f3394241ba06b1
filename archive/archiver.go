package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"event-processing-service/internal/event"
)

// ErrExists says that there is an object of that name; it was left as it is.
var ErrExists = errors.New("the object exists")

// Objects is where the archive is written. Both methods are safe for concurrent use.
type Objects interface {
	// Put writes an object unless there is one of that name, which is ErrExists. Without an error it is there, all of
	// it, and stays; an object of which a part was written is never seen.
	Put(ctx context.Context, name string, body []byte) error
	// Get reads an object.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
}

// Span is what a partition had from one offset to another, both included.
type Span struct {
	Topic       string
	Partition   int32
	First, Last int64
	Records     []event.Record // all of them, in the order of their offsets
}

// Archiver writes spans to objects. It remembers nothing: what is delivered again, cut otherwise, or by two at a time
// becomes objects that overlap, of which readers drop the copies. It is safe for concurrent use.
type Archiver struct {
	objects Objects
	encoder *zstd.Encoder // for many goroutines
}

// NewArchiver makes an Archiver.
func NewArchiver(objects Objects) *Archiver {
	// Each frame ends with a checksum of its content. Without other options there is no error.
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err)
	}
	return &Archiver{objects, encoder}
}

// maxRuns is how many hours a span may have before its records lie in one object of mixed hours: clocks that jump make
// neither an object a record, nor a bucket slow.
const maxRuns = 4

// Write archives a span. An error says that it is not archived, or not all of it, and is to be written again.
func (a *Archiver) Write(ctx context.Context, s Span) error {
	runs := runsOf(s.Records)
	if len(runs) > maxRuns || len(runs) == 0 {
		runs = []run{{records: s.Records}}
	}
	var lines []byte
	first := s.First
	for i, r := range runs {
		n := name{topic: s.Topic, partition: s.Partition, hour: r.hour, first: first, last: s.Last}
		if i < len(runs)-1 {
			n.last = r.records[len(r.records)-1].Offset
		}
		lines = lines[:0]
		for j := range r.records {
			lines = AppendLine(lines, &r.records[j])
		}
		if err := a.put(ctx, n, lines); err != nil {
			return err
		}
		first = n.last + 1
	}
	return nil
}

// run is records of one hour, with those of the hour before, as clocks differ where an hour ends.
type run struct {
	hour    time.Time
	records []event.Record
}

func runsOf(records []event.Record) (runs []run) {
	begin := 0
	for i := range records {
		hour := hourOf(records[i].Timestamp)
		if len(runs) > 0 {
			last := &runs[len(runs)-1]
			if hour.Equal(last.hour) || !hour.IsZero() && hour.Equal(last.hour.Add(-time.Hour)) {
				last.records = records[begin : i+1]
				continue
			}
		}
		begin = i
		runs = append(runs, run{hour, records[i : i+1]})
	}
	return runs
}

// put writes an object. One that is there with the same lines was written by an earlier delivery. One with other
// lines is damaged, or of a topic that was deleted and created again within the hour: it stays, and the new one gets a
// name of its own.
func (a *Archiver) put(ctx context.Context, n name, lines []byte) error {
	body := a.encoder.EncodeAll(lines, nil)
	err := a.objects.Put(ctx, n.String(), body)
	if !errors.Is(err, ErrExists) {
		return err
	}
	there, err := readObject(ctx, a.objects, n.String())
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return err
	}
	if err == nil && bytes.Equal(there, lines) {
		return nil
	}
	sum := sha256.Sum256(lines)
	n.tag = hex.EncodeToString(sum[:8])
	if err := a.objects.Put(ctx, n.String(), body); !errors.Is(err, ErrExists) {
		return err
	}
	there, err = readObject(ctx, a.objects, n.String())
	if err == nil && !bytes.Equal(there, lines) {
		err = &DamagedError{n.String(), errors.New("it has other records than its name says")}
	}
	return err
}

// maxObject is the largest object that is read, in bytes of lines. Those who write end a span at a fraction of it.
const maxObject = 512 << 20

var decoder = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxObject),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // these options have no error
	}
	return d
}()

// DamagedError is about an object that can't be read, now or later.
type DamagedError struct {
	Name  string
	cause error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("object %s is damaged: %v", e.Name, e.cause)
}

// Unwrap gives the cause.
func (e *DamagedError) Unwrap() error { return e.cause }

// getter is what is needed for reading an object whose name is known.
type getter interface {
	Get(ctx context.Context, name string) (io.ReadCloser, error)
}

// readObject returns the lines of an object, once their checksum is found to be right.
func readObject(ctx context.Context, from getter, objectName string) ([]byte, error) {
	r, err := from.Get(ctx, objectName)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", objectName, err)
	}
	if len(body) == 0 { // which the decoder takes for no frame, and so for no lines
		return nil, &DamagedError{objectName, io.ErrUnexpectedEOF}
	}
	lines, err := decoder.DecodeAll(body, nil)
	if err != nil {
		return nil, &DamagedError{objectName, err}
	}
	return lines, nil
}

// readRecords returns the records of an object, which lie where its name says.
func readRecords(ctx context.Context, from getter, n name) ([]event.Record, error) {
	lines, err := readObject(ctx, from, n.String())
	if err != nil {
		return nil, err
	}
	records := make([]event.Record, 0, bytes.Count(lines, []byte("\n")))
	for text := range bytes.Lines(lines) {
		r, err := parseLine(text)
		switch {
		case err != nil:
			return nil, &DamagedError{n.String(), err}
		case r.Topic != n.topic || r.Partition != n.partition || r.Offset < n.first || r.Offset > n.last ||
			len(records) > 0 && r.Offset <= records[len(records)-1].Offset:
			return nil, &DamagedError{n.String(), fmt.Errorf("it has a record of %s", r.Place)}
		}
		r.Topic = n.topic // one text for all
		records = append(records, r)
	}
	return records, nil
}
