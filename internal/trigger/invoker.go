package trigger

import (
	"context"
	"fmt"
	"time"
)

// Invoker runs the function once with a payload and returns its response. The interface is that of aws-lambda-go's
// lambda.Handler, so lambda.NewHandler(handle) is one; wrap it with [InProcess].
//
// The context's deadline is the function's timeout. An Invoker returns soon after the context ends, whatever the
// function does. An error of the function (or its death, or its timeout) is a [*FunctionError].
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// The error types that Lambda itself gives an invocation. Others come from the function.
//
// Source: AWS Lambda Developer Guide, "Troubleshoot execution issues in Lambda"; the names are those in Lambda's
// answers and logs.
const (
	ErrorTypeTimeout          = "Sandbox.Timedout"
	ErrorTypeExit             = "Runtime.ExitError"
	ErrorTypeResponseTooLarge = "Function.ResponseSizeTooLarge"
)

// FunctionError says that an invocation reached the function and failed there: the function returned an error,
// panicked, exited, or ran out of time.
//
// Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", invocation error.
type FunctionError struct {
	// Type is the errorType of the function's answer: in Go the name of the error's type, or one of the ErrorType
	// constants.
	Type string `json:"errorType"`
	// Message is the errorMessage of the function's answer.
	Message string `json:"errorMessage"`

	cause error
}

func (e *FunctionError) Error() string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// Unwrap returns the handler's own error, if the handler ran in this process.
func (e *FunctionError) Unwrap() error { return e.cause }

// timeoutError has Lambda's words for a timeout.
func timeoutError(requestID string, after time.Duration) *FunctionError {
	return &FunctionError{
		Type: ErrorTypeTimeout,
		Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds",
			requestID, after.Seconds()),
		cause: context.DeadlineExceeded,
	}
}

// Function is what the function is told about itself. The zero value is a function named "function" with 128 MB.
type Function struct {
	// Name is the function's name, without an ARN.
	Name string
	// ARN is the ARN that an invocation reports. If it is empty, it is made from Name.
	ARN string
	// MemoryMB is the memory that the function is told it has, in MB; nothing enforces it. 0 is 128, as in AWS.
	MemoryMB int
}

func (f Function) withDefaults() Function {
	if f.Name == "" {
		f.Name = "function"
	}
	if f.ARN == "" {
		// No account has the number 000000000000.
		f.ARN = "arn:aws:lambda:us-east-1:000000000000:function:" + f.Name
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = 128
	}
	return f
}
