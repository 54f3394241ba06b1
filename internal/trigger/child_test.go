package trigger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// The test binary is its own bootstrap: with this variable it is a Lambda function and runs no test.
const childVariable = "TRIGGER_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childVariable); mode != "" {
		runChild(mode)
		return
	}
	os.Exit(m.Run())
}

func runChild(mode string) {
	switch mode {
	case "dies-before-its-first-poll":
		os.Exit(3)
	case "reports-an-init-error":
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		body := strings.NewReader(`{"errorType":"Config.Missing","errorMessage":"KAFKA_DLQ_TOPIC is not set"}`)
		if resp, err := http.Post(url, "application/json", body); err == nil {
			resp.Body.Close()
		}
		os.Exit(1)
	case "never-polls":
		select {}
	case "ignores-sigterm":
		signal.Ignore(syscall.SIGTERM)
	case "notes-sigterm":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		go func() {
			<-signals
			fmt.Println("got SIGTERM")
			os.Exit(0)
		}()
	case "polls-impatiently":
		pollImpatiently()
	case "reads-events":
		lambda.Start(childHandleEvent)
	}
	lambda.Start(childHandle)
}

// childHandleEvent prints the values of its records. At the value "crash" it exits, but only once: it creates the file
// that CRASHED names to remember that.
func childHandleEvent(event events.KafkaEvent) error {
	for _, records := range event.Records {
		for _, r := range records {
			value, err := decodeValue(r.Value)
			if err != nil {
				return err
			}
			marker := os.Getenv("CRASHED")
			if _, err := os.Stat(marker); err != nil && value == "crash" {
				if err := os.WriteFile(marker, nil, 0o600); err != nil {
					return err
				}
				os.Exit(9)
			}
			fmt.Println(value)
		}
	}
	return nil
}

// pollImpatiently is a runtime that gives up a poll after a while and polls again. It answers with the payload.
func pollImpatiently() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	client := http.Client{Timeout: 50 * time.Millisecond}
	for {
		next, err := client.Get(api + "next")
		if err != nil {
			continue
		}
		payload, err := io.ReadAll(next.Body)
		next.Body.Close()
		if err != nil {
			continue
		}
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		if resp, err := http.Post(api+id+"/response", "application/json", bytes.NewReader(payload)); err == nil {
			resp.Body.Close()
		}
	}
}

type childError struct{}

func (childError) Error() string { return "the function says no" }

// childHandle executes its payload, a command in a JSON string.
func childHandle(ctx context.Context, what string) (any, error) {
	what, argument, _ := strings.Cut(what, " ")
	switch what {
	case "echo":
		return argument, nil
	case "pid":
		return os.Getpid(), nil
	case "error":
		return nil, childError{}
	case "panic":
		panic("the function panics")
	case "exit":
		os.Exit(7)
	case "hang":
		select {}
	case "getenv":
		return os.Getenv(argument), nil
	case "print":
		fmt.Println(argument)
		return nil, nil
	case "context":
		lc, ok := lambdacontext.FromContext(ctx)
		deadline, has := ctx.Deadline()
		if !ok || !has {
			return nil, errors.New("no lambdacontext or no deadline")
		}
		return map[string]any{
			"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "deadline": deadline.UnixMilli(),
			"trace": ctx.Value("x-amzn-trace-id"),
		}, nil
	case "stream":
		return io.MultiReader(strings.NewReader("half of "), iotest.ErrReader(childError{})), nil
	case "large":
		return strings.Repeat("x", maxResponseBytes+1), nil
	}
	return nil, fmt.Errorf("unknown command %q", what)
}

// childFunction is a RuntimeAPI whose child runs in the given mode.
func childFunction(t *testing.T, mode string, change func(*RuntimeConfig)) *RuntimeAPI {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := RuntimeConfig{
		Bootstrap: self, Env: []string{childVariable + "=" + mode},
		Function: Function{Name: "processor", MemoryMB: 256}, Stderr: new(bytes.Buffer),
	}
	if change != nil {
		change(&cfg)
	}
	r, err := NewRuntimeAPI(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func invoke(t *testing.T, f Invoker, what string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	response, err := f.Invoke(ctx, []byte(`"`+what+`"`))
	return string(response), err
}

func mustInvoke(t *testing.T, f Invoker, what string) string {
	t.Helper()
	response, err := invoke(t, f, what)
	if err != nil {
		t.Fatal(err)
	}
	return response
}
