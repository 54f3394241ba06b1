package kafka

import (
	"errors"
	"sync"
	"time"

	"event-processing-service/internal/event"
)

// delivery collects the outcomes of one Publish. The client's promises may come after the caller has gone, so they meet
// the caller under a lock.
type delivery struct {
	mu       sync.Mutex
	receipts []event.Receipt
	pending  int
	left     bool // the caller has gone: receipts are its own now
	waiter   *waiter
	one      [1]event.Receipt // room for the receipts of a single event, which most requests are
}

// waiter is what a caller sleeps on. Nobody holds on to it when the wait is over, so it is used again: a channel and a
// timer for each request would be an eighth of what the request allocates.
type waiter struct {
	all   chan struct{} // room for one
	timer *time.Timer
}

var waiters = sync.Pool{New: func() any {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &waiter{all: make(chan struct{}, 1), timer: timer}
}}

// errNoAnswer is the outcome of every event until another is known.
var errNoAnswer = &event.PublishError{Failure: event.FailureOutcomeUnknown, Err: errors.New("no acknowledgement from Kafka in time")}

func newDelivery(topic string, n int) *delivery {
	d := &delivery{pending: n, waiter: waiters.Get().(*waiter)}
	if d.receipts = d.one[:]; n != 1 {
		d.receipts = make([]event.Receipt, n)
	}
	for i := range d.receipts {
		d.receipts[i] = event.Receipt{Topic: topic, Err: errNoAnswer}
	}
	return d
}

func (d *delivery) fail(i int, err *event.PublishError) {
	d.settle(i, event.Receipt{Topic: d.receipts[i].Topic, Err: err})
}

// settle is called once for each i.
func (d *delivery) settle(i int, receipt event.Receipt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left {
		return
	}
	d.receipts[i] = receipt
	if d.pending--; d.pending == 0 {
		d.waiter.all <- struct{}{}
	}
}

// wait returns the receipts when all are settled, or as far as they are after the time-out. It is called once.
func (d *delivery) wait(timeout time.Duration) []event.Receipt {
	if len(d.receipts) == 0 {
		return d.receipts
	}
	w := d.waiter
	w.timer.Reset(timeout)
	select {
	case <-w.all:
	case <-w.timer.C:
		d.mu.Lock()
		d.left = true
		if d.pending == 0 { // the last one came in this very moment
			<-w.all
		}
		d.mu.Unlock()
	}
	w.timer.Stop()
	waiters.Put(w)
	return d.receipts
}
