package trigger

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func inProcessHandler(handle any) Invoker {
	return InProcess(lambda.NewHandler(handle), Function{Name: "processor"})
}

func TestInProcessGivesEachInvocationItsOwnRequestID(t *testing.T) {
	var seen []string
	f := inProcessHandler(func(ctx context.Context) (string, error) {
		lc, ok := lambdacontext.FromContext(ctx)
		if !ok {
			return "", errors.New("no lambdacontext")
		}
		seen = append(seen, lc.AwsRequestID)
		return lc.InvokedFunctionArn, nil
	})
	for range 2 {
		got, err := f.Invoke(t.Context(), []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if want := `"arn:aws:lambda:us-east-1:000000000000:function:processor"`; string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if seen[0] == "" || seen[0] == seen[1] {
		t.Errorf("request ids are %q", seen)
	}
}

type customError struct{}

func (*customError) Error() string { return "it broke" }

func TestInProcessTypesTheHandlersError(t *testing.T) {
	cause := &customError{}
	f := inProcessHandler(func() error { return cause })
	_, err := f.Invoke(t.Context(), []byte(`{}`))
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != "customError" || fe.Message != "it broke" {
		t.Errorf("got %#v", err)
	}
	if !errors.Is(err, error(cause)) {
		t.Error("the handler's own error is lost")
	}
}

func TestInProcessTurnsAPanicIntoAFailedInvocation(t *testing.T) {
	f := inProcessHandler(func() error { panic("boom") })
	_, err := f.Invoke(t.Context(), []byte(`{}`))
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != "string" || fe.Message != "boom" {
		t.Errorf("got %#v", err)
	}
}

func TestInProcessLeavesAHandlerThatIgnoresItsDeadline(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	f := inProcessHandler(func() error { <-release; return nil })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := f.Invoke(ctx, []byte(`{}`))
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != ErrorTypeTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %#v", err)
	}
}

func TestInProcessPrefersTheHandlersOwnWordsOverATimeout(t *testing.T) {
	f := inProcessHandler(func(ctx context.Context) error {
		<-ctx.Done()
		return &customError{}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := f.Invoke(ctx, []byte(`{}`))
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != "customError" {
		t.Errorf("got %#v", err)
	}
}
