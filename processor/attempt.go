package processor

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"event-processing-service/internal/event"
)

// handlerError is a handler's failure as far as the engine looks at it. The handler's own error is left behind with its
// methods, any of which may panic: that of a nil pointer does.
type handlerError struct {
	text      string
	permanent bool
	stack     string // of a panic
}

// errExited is that of a handler that ended its goroutine, as t.FailNow does, instead of returning.
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

// caller is a goroutine that calls handlers, one after the other. It is not the worker's own, because Go can't stop a
// handler that does not return: then the worker leaves the caller behind, and takes another.
type caller struct {
	calls   chan *call
	results chan *handlerError // room for one: a handler left behind can still end
}

// call is one call of a handler, and the context that the handler is given, by which Deps.Publish finds the cause.
type call struct {
	context.Context
	handler   Handler
	event     event.Event
	cfg       *Config
	client    string // whose key the event was posted with
	published publications
}

type callKey struct{}

// Value finds the call in every context that the handler makes from its own.
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

// panicText reads the value of a panic, under recover: its String or Error method may panic, too. fmt catches that of
// most.
func panicText(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("panic with a %T", value)
		}
	}()
	return fmt.Sprintf("panic: %v", value)
}

// leave lets the caller's goroutine end, as soon as its handler returns.
func (c *caller) leave() { close(c.calls) }

// lendAfter is how long a handler keeps others from beginning: most are done by then. One that takes longer is still
// called beside the others, but no longer counts among Config.Concurrency.
const lendAfter = time.Second

// attempt calls the handler once, and renews the lease meanwhile. After its time and some patience the handler is left
// behind, and the batch goes on without it.
func (j *job) attempt(ctx context.Context) *handlerError {
	over := ctx.Done() // the work's own, of which there is one; that of the attempt is made only if somebody asks for it
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
	<-ctx.Done() // it ends for the same reason, if not sooner
	j.alarm(j.patience())
	select {
	case failure := <-j.caller.results:
		return j.result(failure) // nil too: late, but done
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
	w.timer.Reset(after) // since Go 1.23 nothing of an earlier time is left in it
}

func (w *worker) stopAlarm() { w.timer.Stop() }

// result is what the handler returned. One that ended its goroutine has ended the caller with it.
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

// renew keeps the event from others while its handler runs. A failure is not told: should the lease end and another
// consumer begin, Finish says so.
func (j *job) renew(ctx context.Context) {
	r, err := j.store.Renew(ctx, j.claim)
	if err == nil && r.Answer == event.Granted {
		j.claim.Last = r
	}
}
