package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRuntimeAPIRunsTheFunctionAgainAndAgainInOneChild(t *testing.T) {
	f := childFunction(t, "serves", nil)
	first := mustInvoke(t, f, "pid")
	for _, want := range []string{`"a"`, `"b"`} {
		if got := mustInvoke(t, f, "echo "+strings.Trim(want, `"`)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := mustInvoke(t, f, "pid"); got != first {
		t.Errorf("child %s became %s", first, got)
	}
	if p := f.FirstPoll(); p <= 0 || p > 20*time.Second {
		t.Errorf("first poll after %v", p)
	}
}

func TestRuntimeAPITellsTheFunctionWhatLambdaWould(t *testing.T) {
	f := childFunction(t, "serves", nil)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME":        "processor",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/processor",
		"LAMBDA_TASK_ROOT":                filepath.Dir(self),
		"_HANDLER":                        filepath.Base(self),
		"PATH":                            os.Getenv("PATH"),
	} {
		if got := mustInvoke(t, f, "getenv "+name); got != strconv.Quote(want) {
			t.Errorf("%s is %s, want %q", name, got, want)
		}
	}
}

func TestRuntimeAPIHandsOverTheInvocationsContext(t *testing.T) {
	f := childFunction(t, "serves", nil)
	deadline := time.Now().Add(20 * time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	response, err := f.Invoke(ctx, []byte(`"context"`))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		ID, ARN, Trace string
		Deadline       int64
	}
	if err := json.Unmarshal(response, &got); err != nil {
		t.Fatal(err)
	}
	if got.ID == "" || got.ARN != "arn:aws:lambda:us-east-1:000000000000:function:processor" {
		t.Errorf("got %+v", got)
	}
	if got.Deadline != deadline.UnixMilli() {
		t.Errorf("deadline is %d, want %d", got.Deadline, deadline.UnixMilli())
	}
	xray := regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`)
	if !xray.MatchString(got.Trace) {
		t.Errorf("trace is %q", got.Trace)
	}
}

func TestRuntimeAPIGivesTheFunctionsErrorAndKeepsTheChild(t *testing.T) {
	f := childFunction(t, "serves", nil)
	first := mustInvoke(t, f, "pid")
	_, err := invoke(t, f, "error")
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != "childError" || fe.Message != "the function says no" {
		t.Errorf("got %#v", err)
	}
	if got := mustInvoke(t, f, "pid"); got != first {
		t.Error("an error of the function ended the child")
	}
}

func TestRuntimeAPIRefusesAResponseOverLambdasLimit(t *testing.T) {
	f := childFunction(t, "serves", nil)
	_, err := invoke(t, f, "large")
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != ErrorTypeResponseTooLarge {
		t.Errorf("got %v", err)
	}
	mustInvoke(t, f, "echo again")
}

func TestRuntimeAPIGivesTheErrorOfAResponseThatBreaksOff(t *testing.T) {
	f := childFunction(t, "serves", nil)
	_, err := invoke(t, f, "stream")
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != "childError" || fe.Message != "the function says no" {
		t.Errorf("got %v", err)
	}
}

func TestRuntimeAPIServesARuntimeThatGivesItsPollsUp(t *testing.T) {
	f := childFunction(t, "polls-impatiently", nil)
	for _, what := range []string{"a", "b"} {
		if got := mustInvoke(t, f, what); got != strconv.Quote(what) {
			t.Errorf("got %s", got)
		}
		time.Sleep(120 * time.Millisecond) // two of the runtime's time limits
	}
}

func TestRuntimeAPIGivesTheInitErrorThatTheChildReports(t *testing.T) {
	f := childFunction(t, "reports-an-init-error", nil)
	_, err := invoke(t, f, "echo")
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != "Config.Missing" || fe.Message != "KAFKA_DLQ_TOPIC is not set" {
		t.Errorf("got %#v", err)
	}
	if f.FirstPoll() != 0 {
		t.Error("a child that never polled has a time of its first poll")
	}
}

func TestRuntimeAPIRunsInvocationsSideBySide(t *testing.T) {
	f := childFunction(t, "serves", nil)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			what := strconv.Itoa(i)
			if got, err := invoke(t, f, "echo "+what); err != nil || got != strconv.Quote(what) {
				t.Errorf("got %s, %v, want %q", got, err, what)
			}
		})
	}
	wg.Wait()
}

func TestRuntimeAPINeedsABinary(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		if _, err := NewRuntimeAPI(RuntimeConfig{Bootstrap: path}); err == nil {
			t.Errorf("bootstrap %q was taken", path)
		}
	}
}
