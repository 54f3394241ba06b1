package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
)

// delivery is one Publish under way: its records, and their outcomes. The client's promises may come after the caller
// has gone, so both use it under a lock.
type delivery struct {
	publisher *Publisher
	written   int64 // of the client's writes, when the first record was about to be buffered

	mu       sync.Mutex
	receipts []event.Receipt // the caller's
	pending  int
	together []int // records refused as part of a batch, which says nothing about each of them
	left     bool  // the caller has gone
	all      chan struct{}
	timer    *time.Timer

	records  []kgo.Record
	headers  []kgo.RecordHeader // of all records
	text     []byte             // of all headers and keys
	promises []func(*kgo.Record, error)
}

// deliveries are reused once all of their records are stored and nothing refers to them any more: their parts would be
// half of what a request allocates.
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
var errNoAnswer = &event.PublishError{Failure: event.FailureOutcomeUnknown,
	Err: errors.New("no acknowledgement from Kafka in time")}

// newDelivery is for events of a count above 0.
func newDelivery(p *Publisher, events int) *delivery {
	d := deliveries.Get().(*delivery)
	d.publisher, d.written = p, p.writes.n.Load()
	d.receipts, d.pending = make([]event.Receipt, events), events
	for i := range d.receipts {
		d.receipts[i].Err = errNoAnswer
	}
	if cap(d.records) < events {
		// An event of the common kind has six attributes, and a request adds two headers.
		d.records, d.headers = make([]kgo.Record, events), make([]kgo.RecordHeader, 0, 8*events)
		d.text = make([]byte, 0, 128*events)
	}
	d.records, d.headers, d.text = d.records[:events], d.headers[:0], d.text[:0]
	return d
}

// record fills in the i-th record. What is appended to may move; the records that are filled in keep what they have.
func (d *delivery) record(i int, e *event.Event, transport []event.Header) *kgo.Record {
	topic := d.publisher.routes.topic(e.Type)
	d.receipts[i].Topic = topic
	r := &d.records[i]
	*r = kgo.Record{Topic: topic, Value: e.Data}
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
	receipt := event.Receipt{Place: placeOf(r)}
	if err != nil {
		d.publisher.forgetTopicID(r.Topic, err)
		receipt = event.Receipt{Place: event.Place{Topic: r.Topic}, Err: classify(err,
			d.publisher.writes.n.Load() != d.written)}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left {
		return
	}
	// A record above the client's own limit was never in a batch, and is not tried again.
	if RefusesRecord(err) && d.publisher.writes.n.Load() != d.written && len(r.Key)+len(r.Value) < maxBatchBytes {
		d.together = append(d.together, i) // its outcome is not known yet
	} else {
		d.receipts[i] = receipt
	}
	if d.pending--; d.pending > 0 {
		return
	}
	if len(d.together) == 0 {
		d.all <- struct{}{}
		return
	}
	go d.sendSingly()
}

// sendSingly sends the records of refused batches again, in order and each alone: good events must not be refused for
// their total size. It ends when the caller has gone.
func (d *delivery) sendSingly() {
	ctx, cancel := context.WithTimeout(context.Background(), d.publisher.pc.Timeout)
	defer cancel()
	slices.Sort(d.together)
	for _, i := range d.together {
		r := &kgo.Record{Topic: d.records[i].Topic, Key: d.records[i].Key, Value: d.records[i].Value,
			Headers: d.records[i].Headers}
		client, err := d.publisher.singly.connect(d.publisher.cfg, d.publisher.pc)
		if err == nil {
			r, err = send(ctx, client, r)
		}
		var receipt event.Receipt
		if err == nil {
			receipt.Place = placeOf(r)
		} else { // the client may still have the record
			receipt = event.Receipt{Place: event.Place{Topic: d.records[i].Topic}, Err: classify(err, true)}
		}
		d.mu.Lock()
		gone := d.left
		if !gone {
			d.receipts[i] = receipt
		}
		d.mu.Unlock()
		if gone {
			return
		}
	}
	d.all <- struct{}{}
}

// wait returns the receipts when all are settled, or as they are at the time-out. It is called once, and the
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
			return // which is rare, and the client may still hold the record
		}
	}
	if cap(d.records) > maxReusedRecords || cap(d.headers) > maxReusedHeaders || cap(d.text) > maxReusedText {
		return
	}
	clear(d.records) // what they point to is the caller's
	clear(d.headers)
	d.together = d.together[:0]
	d.receipts, d.publisher = nil, nil
	deliveries.Put(d)
}
