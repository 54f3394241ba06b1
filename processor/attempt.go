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

// attempt calls the handler once. The handler has a goroutine of its own, because Go can't stop one that does not return:
// after its time and some patience it is left behind, and the batch goes on without it.
func (p *Processor) attempt(ctx context.Context, s schedule, h Handler, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.AttemptTimeout)
	defer cancel()
	result := make(chan error, 1) // room for one: a handler left behind can still end
	go func() {
		err := errExited
		defer func() {
			if value := recover(); value != nil {
				err = &panicError{value: value, stack: debug.Stack()}
			}
			result <- err
		}()
		err = h.Handle(ctx, e)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	patience := time.NewTimer(s.patience())
	defer patience.Stop()
	select {
	case err := <-result:
		return err // nil too: late, but done
	case <-patience.C:
		return fmt.Errorf("handler did not return %s after its context ended: %w", s.patience(), context.Cause(ctx))
	}
}
