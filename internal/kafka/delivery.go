package kafka

import (
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// delivery is one Publish under way: its records, and their outcomes. The client's promises may come after the caller has
// gone, so they meet the caller under a lock.
type delivery struct {
	publisher *Publisher
	written   int64 // of the client's writes, when the first record was about to be buffered

	mu       sync.Mutex
	receipts []event.Receipt // the caller's
	pending  int
	left     bool // the caller has gone
	all      chan struct{}
	timer    *time.Timer

	records  []kgo.Record
	headers  []kgo.RecordHeader // of all records
	text     []byte             // of all headers and keys
	promises []func(*kgo.Record, error)
}

// deliveries are used again once all of their records are stored, as nobody holds on to anything of them then: their parts
// would be half of all that a request allocates.
var deliveries = sync.Pool{New: func() any {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &delivery{all: make(chan struct{}, 1), timer: timer}
}}

// What a delivery may hold to be kept: the API's largest batch, of events of the common kind, about 1 MB in all.
const (
	maxReusedRecords = 1000
	maxReusedHeaders = 10 * maxReusedRecords
	maxReusedText    = 256 << 10
)

// errNoAnswer is the outcome of every event until another is known.
var errNoAnswer = &event.PublishError{Failure: event.FailureOutcomeUnknown, Err: errors.New("no acknowledgement from Kafka in time")}

// newDelivery is for events of a count above 0.
func newDelivery(p *Publisher, events int) *delivery {
	d := deliveries.Get().(*delivery)
	d.publisher, d.written = p, p.writes.n.Load()
	d.receipts, d.pending = make([]event.Receipt, events), events
	for i := range d.receipts {
		d.receipts[i] = event.Receipt{Topic: p.topic, Err: errNoAnswer}
	}
	if cap(d.records) < events {
		// An event of the common kind has six attributes, and a request adds two headers.
		d.records, d.headers, d.text = make([]kgo.Record, events), make([]kgo.RecordHeader, 0, 8*events), make([]byte, 0, 128*events)
	}
	d.records, d.headers, d.text = d.records[:events], d.headers[:0], d.text[:0]
	return d
}

// record fills in the i-th record. What is appended to may move; the records that are filled in keep what they have.
func (d *delivery) record(i int, e *event.Event, transport []event.Header) *kgo.Record {
	r := &d.records[i]
	*r = kgo.Record{Topic: d.publisher.topic, Value: e.Data}
	if key := e.PartitionKey(); key != "" {
		start := len(d.text)
		d.text = append(d.text, key...)
		r.Key = d.text[start:len(d.text):len(d.text)]
	}
	start := len(d.headers)
	d.headers, d.text = event.AppendHeaders(d.headers, d.text, e)
	for _, h := range transport {
		d.headers = append(d.headers, kgo.RecordHeader(h))
	}
	r.Headers = d.headers[start:len(d.headers):len(d.headers)]
	return r
}

// promise is what the client calls with the outcome of the i-th record.
func (d *delivery) promise(i int) func(*kgo.Record, error) {
	for n := len(d.promises); n <= i; n++ {
		d.promises = append(d.promises, func(r *kgo.Record, err error) { d.settle(n, r, err) })
	}
	return d.promises[i]
}

// settle is called once for each i.
func (d *delivery) settle(i int, r *kgo.Record, err error) {
	receipt := event.Receipt{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
	if err != nil {
		d.publisher.forgetTopicID(err)
		receipt = event.Receipt{Topic: r.Topic, Err: classify(err, d.publisher.writes.n.Load() != d.written)}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left {
		return
	}
	d.receipts[i] = receipt
	if d.pending--; d.pending == 0 {
		d.all <- struct{}{}
	}
}

// wait returns the receipts when all are settled, or as far as they are after the time-out. It is called once, and the
// delivery is not to be used after it.
func (d *delivery) wait(timeout time.Duration) []event.Receipt {
	receipts := d.receipts
	d.timer.Reset(timeout)
	select {
	case <-d.all:
		d.timer.Stop()
		d.recycle()
	case <-d.timer.C:
		d.mu.Lock()
		d.left = true
		d.mu.Unlock()
	}
	return receipts
}

// recycle is called when the last promise was.
func (d *delivery) recycle() {
	for i := range d.receipts {
		if d.receipts[i].Err != nil {
			return // a rare thing; who knows what the client still does with the record
		}
	}
	if cap(d.records) > maxReusedRecords || cap(d.headers) > maxReusedHeaders || cap(d.text) > maxReusedText {
		return
	}
	clear(d.records) // what they point to is the caller's
	clear(d.headers)
	d.receipts, d.publisher = nil, nil
	deliveries.Put(d)
}
