package trigger

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/uuid"
)

// lateAnswer is how long an invocation may still answer after its deadline. A handler that respects its deadline
// returns its own error within that time, which says more than "timed out".
const lateAnswer = 100 * time.Millisecond

// InProcess makes a handler in this process behave as in the Lambda runtime: each invocation has a lambdacontext with
// its own request id, a panic fails the invocation and not the process, and a handler that ignores its deadline fails
// with [ErrorTypeTimeout]. Such a handler cannot be killed: its goroutine continues, possibly beside the retry. Use
// [RuntimeAPI] for functions that may hang.
func InProcess(handler Invoker, function Function) Invoker {
	return &inProcess{handler: handler, function: function.withDefaults()}
}

type inProcess struct {
	handler  Invoker
	function Function
}

func (p *inProcess) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	start := time.Now()
	id := requestID(ctx)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: id, InvokedFunctionArn: p.function.ARN,
	})
	type answer struct {
		response []byte
		err      error
	}
	answers := make(chan answer, 1) // buffered, so that an abandoned handler can end
	go func() {
		var a answer
		defer func() { answers <- a }()
		defer func() {
			if v := recover(); v != nil {
				a = answer{err: &FunctionError{Type: typeName(v), Message: fmt.Sprint(v)}}
			}
		}()
		a.response, a.err = p.handler.Invoke(ctx, payload)
	}()

	var late <-chan time.Time
	done := ctx.Done()
	for {
		select {
		case a := <-answers:
			return a.response, functionError(a.err)
		case <-done:
			done, late = nil, time.After(lateAnswer)
		case <-late:
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, timeoutError(id, time.Since(start))
			}
			return nil, fmt.Errorf("invoke function: %w", ctx.Err())
		}
	}
}

// requestID is the caller's id for the invocation, so that the logs of both have the same one, or else a new id.
func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok && lc.AwsRequestID != "" {
		return lc.AwsRequestID
	}
	return uuid.NewString()
}

// functionError gives a handler's error the form that it has in the Runtime API.
func functionError(err error) error {
	var already *FunctionError
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &FunctionError{Type: typeName(err), Message: err.Error(), cause: err}
}

// typeName names v's type as aws-lambda-go does for errorType: without the package, and without pointers.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
