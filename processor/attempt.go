package processor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"event-processing-service/internal/event"
)

// errExited is what is left of a handler that ended its goroutine, as t.FailNow does, instead of returning.
var errExited = errors.New("handler ended its goroutine")

// panicError is a panic of a handler, which is a failure like any other.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// caller is a goroutine that calls handlers, one after the other. It is not the worker's own, because Go can't stop a
// handler that does not return: then the worker leaves the caller behind, and takes another.
type caller struct {
	calls   chan call
	results chan error // room for one: a handler left behind can still end
}

type call struct {
	ctx     context.Context
	handler Handler
	event   event.Event
}

func newCaller() *caller {
	c := &caller{calls: make(chan call), results: make(chan error, 1)}
	go func() {
		for call := range c.calls {
			c.call(call)
		}
	}()
	return c
}

func (c *caller) call(call call) {
	err := errExited
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value: value, stack: debug.Stack()}
		}
		c.results <- err
	}()
	err = call.handler.Handle(call.ctx, call.event)
}

// leave lets the caller's goroutine end, as soon as its handler returns.
func (c *caller) leave() { close(c.calls) }

// attempt calls the handler once. After its time and some patience it is left behind, and the batch goes on without it.
func (w *worker) attempt(ctx context.Context, h Handler, e event.Event) error {
	over := ctx.Done() // the work's own, of which there is one; that of the attempt is made only if somebody asks for it
	ctx, cancel := context.WithTimeout(ctx, w.cfg.AttemptTimeout)
	defer cancel()
	if w.caller == nil {
		w.caller = newCaller()
	}
	w.caller.calls <- call{ctx: ctx, handler: h, event: e}
	w.alarm(w.cfg.AttemptTimeout)
	defer w.timer.Stop()
	select {
	case err := <-w.caller.results:
		return w.result(err)
	case <-w.timer.C:
	case <-over:
	}
	<-ctx.Done() // it ends for the same reason, if not sooner
	w.alarm(w.patience())
	select {
	case err := <-w.caller.results:
		return w.result(err) // nil too: late, but done
	case <-w.timer.C:
		w.leaveCaller()
		return fmt.Errorf("handler did not return %s after its context ended: %w", w.patience(), context.Cause(ctx))
	}
}

func (w *worker) alarm(after time.Duration) {
	if w.timer == nil {
		w.timer = time.NewTimer(after)
		return
	}
	w.timer.Reset(after) // since Go 1.23 nothing of an earlier time is left in it
}

// result is what the handler returned. One that ended its goroutine has ended the caller with it.
func (w *worker) result(err error) error {
	if err == errExited { //nolint:errorlint // this very one: a handler may wrap what it likes
		w.leaveCaller()
	}
	return err
}

func (w *worker) leaveCaller() {
	if w.caller != nil {
		w.caller.leave()
		w.caller = nil
	}
}
