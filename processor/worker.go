package processor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// crew is the workers of one batch. Each works on one lane after the other: the records of one key in order, each
// after the previous one has reached its end. Config.Concurrency of them work at the same time. A worker that waits,
// for a pause, for another consumer or for a slow handler, makes room for the next one.
type crew struct {
	*Processor
	schedule
	ctx     context.Context // of the work
	end     context.Context // of the answer, for storing outcomes
	batch   *batch
	letters *earlierLetters

	slots   chan struct{} // one for each worker that may work at the same time
	begun   atomic.Int64  // lanes that were begun
	hired   atomic.Int64  // workers that were started, without those that replace another
	slow    atomic.Int64  // handlers that have lent their slots
	members sync.WaitGroup
}

// run works on all lanes. After an error the rest of a lane is not begun.
//
// Each worker starts the next one when it begins its first lane. If the work waits for something, all of them soon
// work at the same time; if it does not, few are started: BenchmarkInvoke takes a third longer for 100 events that are
// only recorded if all start at once.
func (c *crew) run() {
	c.hired.Add(1)
	(&worker{crew: c}).run()
	c.members.Wait()
}

func (c *crew) hire() { c.members.Go((&worker{crew: c}).run) }

func (c *crew) hasLanes() bool { return int(c.begun.Load()) < len(c.batch.heads) }

// worker works on one record after the other, and keeps what it can use again.
type worker struct {
	*crew
	hasSlot  bool
	replaced bool        // another worker continues in its place
	caller   *caller     // nil: none yet
	timer    *time.Timer // of an attempt; nil: none yet
}

func (w *worker) run() {
	defer w.leaveCaller()
	defer w.leaveSlot()
	for isFirst := true; !w.replaced; isFirst = false {
		w.takeSlot()
		lane := int(w.begun.Add(1)) - 1
		if lane >= len(w.batch.heads) {
			return
		}
		if isFirst && w.hasLanes() && int(w.hired.Add(1)) <= cap(w.slots) {
			w.hire()
		}
		items := w.batch.items
		for i := w.batch.heads[lane]; i >= 0; i = items[i].next {
			w.takeSlot()
			if items[i].err = w.process(w.ctx, &items[i]); items[i].err != nil {
				w.batch.abandon(items[i].next)
				break
			}
		}
		w.batch.company.Leave()
	}
}

// takeSlot waits for a slot unless the worker has one. When the work ends it continues without one: no further record
// is begun.
func (w *worker) takeSlot() {
	if w.hasSlot {
		return
	}
	select {
	case w.slots <- struct{}{}:
		w.hasSlot = true
	case <-w.ctx.Done():
	}
}

func (w *worker) leaveSlot() {
	if w.hasSlot {
		<-w.slots
		w.hasSlot = false
	}
}

// lend gives the slot to others until takeSlot.
func (w *worker) lend() {
	w.leaveSlot()
	if !w.replaced && w.hasLanes() {
		w.replaced = true
		w.hire()
	}
}

// maxSlow × Config.Concurrency is how many slow handlers may lend their slots at the same time. The bound limits the
// memory and connections of handlers.
const maxSlow = 3

// lendSlow lends the slot of a handler that takes long. The returned function ends that.
func (w *worker) lendSlow() (end func()) {
	if w.slow.Add(1) <= int64(maxSlow*cap(w.slots)) {
		w.lend()
	}
	return func() { w.slow.Add(-1) }
}

// rest pauses for d, while others work, and tells whether anything may begin after it.
func (w *worker) rest(ctx context.Context, d time.Duration) bool {
	if !fits(ctx, d) {
		return false
	}
	w.lend()
	defer w.takeSlot()
	return pause(ctx, d)
}
