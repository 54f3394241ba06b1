package processor

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"event-processing-service/internal/event"
)

// handlerError has what the engine needs of a handler's failure. It does not keep the handler's own error, because any
// of its methods may panic: those of a nil pointer do.
type handlerError struct {
	text      string
	permanent bool
	stack     string // of a panic
}

// errExited is the failure of a handler that ended its goroutine, as t.FailNow does, instead of returning.
var errExited = &handlerError{text: "handler ended its goroutine"}

func (e *handlerError) Error() string { return e.text }

// describe reads a handler's error, under recover.
func describe(err error) (e *handlerError) {
	e = &handlerError{}
	defer func() {
		if value := recover(); value != nil {
			e.text = fmt.Sprintf("error of type %T that panics when it is read: %v", err, value)
		}
	}()
	e.text = err.Error()
	e.permanent = isPermanent(err)
	return e
}

// caller is a goroutine that calls handlers, one after the other. It is not the worker's own goroutine because Go
// can't stop a handler that does not return: then the worker abandons the caller and takes another.
type caller struct {
	calls   chan *call
	results chan *handlerError // buffered, so that an abandoned handler can end
}

// call is one call of a handler, and the context that the handler gets. Deps.Publish finds the call in it.
type call struct {
	context.Context
	handler   Handler
	event     event.Event
	cfg       *Config
	client    string // name of the client whose key the event was posted with
	published publications
}

type callKey struct{}

// Value makes the call visible in every context that the handler derives from its own.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func newCaller() *caller {
	c := &caller{calls: make(chan *call), results: make(chan *handlerError, 1)}
	go func() {
		for call := range c.calls {
			c.call(call)
		}
	}()
	return c
}

func (c *caller) call(call *call) {
	failure := errExited
	defer func() {
		if value := recover(); value != nil {
			failure = &handlerError{text: panicText(value), stack: string(debug.Stack())}
		}
		c.results <- failure
	}()
	if err := call.handler.Handle(call, call.event); err != nil {
		failure = describe(err)
		return
	}
	failure = nil
}

// panicText returns the text of a panic. It recovers, because the value's String or Error method may panic, too; fmt
// handles most of these panics.
func panicText(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("panic with a %T", value)
		}
	}()
	return fmt.Sprintf("panic: %v", value)
}

// leave ends the caller's goroutine as soon as its handler returns.
func (c *caller) leave() { close(c.calls) }

// lendAfter is how long a handler counts among Config.Concurrency. Most return sooner. One that takes longer
// continues, and lends its slot to others meanwhile.
const lendAfter = time.Second

// attempt calls the handler once and renews the lease meanwhile. When the handler's time and some patience are over,
// it abandons the handler, and the batch continues.
func (j *job) attempt(ctx context.Context) *handlerError {
	over := ctx.Done() // the work's own channel; the attempt's is made only on demand
	timeout := j.handler.timeoutOr(j.cfg.AttemptTimeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if j.caller == nil {
		j.caller = newCaller()
	}
	j.caller.calls <- &call{Context: ctx, handler: j.handler.Handler, event: j.event, cfg: &j.cfg,
		client: j.record.Client()}
	defer j.stopAlarm()
	now := time.Now()
	end, renewAt, lendAt := now.Add(timeout), now.Add(j.cfg.Margin), now.Add(lendAfter)
waiting:
	for {
		j.alarm(earliest(end, renewAt, lendAt).Sub(now))
		select {
		case failure := <-j.caller.results:
			return j.result(failure)
		case <-over:
			break waiting
		case <-j.timer.C:
		}
		now = time.Now()
		switch {
		case !now.Before(end):
			break waiting
		case !now.Before(renewAt):
			j.renew(ctx)
			now = time.Now()
			renewAt = now.Add(j.cfg.Margin)
		default:
			lendAt = end
			defer j.lendSlow()()
		}
	}
	<-ctx.Done() // ends for the same reason, at the latest now
	j.alarm(j.patience())
	select {
	case failure := <-j.caller.results:
		return j.result(failure) // nil as well: late, but successful
	case <-j.timer.C:
		j.leaveCaller()
		return &handlerError{text: fmt.Sprintf("handler did not return %s after its context ended: %v",
			j.patience(), context.Cause(ctx))}
	}
}

func earliest(a, b, c time.Time) time.Time {
	if b.Before(a) {
		a = b
	}
	if c.Before(a) {
		a = c
	}
	return a
}

func (w *worker) alarm(after time.Duration) {
	if w.timer == nil {
		w.timer = time.NewTimer(after)
		return
	}
	w.timer.Reset(after) // since Go 1.23 the channel has no stale value
}

func (w *worker) stopAlarm() { w.timer.Stop() }

// result is what the handler returned. If the handler ended its goroutine, the caller has ended with it.
func (w *worker) result(failure *handlerError) *handlerError {
	if failure == errExited {
		w.leaveCaller()
	}
	return failure
}

func (w *worker) leaveCaller() {
	if w.caller != nil {
		w.caller.leave()
		w.caller = nil
	}
}

// renew keeps the lease while the handler runs. It ignores failures: if the lease ends and another consumer begins,
// Finish reports that.
func (j *job) renew(ctx context.Context) {
	r, err := j.store.Renew(ctx, j.claim)
	if err == nil && r.Answer == event.Granted {
		j.claim.Last = r
	}
}
