package trigger

import (
	"bytes"
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

func TestRuntimeAPIReplacesAChildThatPanicked(t *testing.T) {
	f := childFunction(t, "serves", nil)
	first := mustInvoke(t, f, "pid")
	_, err := invoke(t, f, "panic")
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != "string" || fe.Message != "the function panics" {
		t.Errorf("got %#v", err)
	}
	if got := mustInvoke(t, f, "pid"); got == first {
		t.Error("the child that panicked is still used")
	}
}

func TestRuntimeAPIReplacesAChildThatExited(t *testing.T) {
	f := childFunction(t, "serves", nil)
	_, err := invoke(t, f, "exit")
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != ErrorTypeExit || !strings.Contains(fe.Message, "exit status 7") {
		t.Errorf("got %#v", err)
	}
	mustInvoke(t, f, "echo again")
}

func TestRuntimeAPIReplacesAChildThatWasKilledBetweenInvocations(t *testing.T) {
	f := childFunction(t, "serves", nil)
	pid, err := strconv.Atoi(mustInvoke(t, f, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	env := waitingChild(t, f)
	child, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Kill(); err != nil {
		t.Fatal(err)
	}
	<-env.exited
	mustInvoke(t, f, "echo again")
}

func TestRuntimeAPIKillsTheChildAtTheTimeoutAndTheNextInvocationWorks(t *testing.T) {
	f := childFunction(t, "serves", nil)
	mustInvoke(t, f, "echo warm")
	env := waitingChild(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	_, err := f.Invoke(ctx, []byte(`"hang"`))
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != ErrorTypeTimeout ||
		!strings.HasSuffix(fe.Message, "Task timed out after 0.25 seconds") {
		t.Errorf("got %v", err)
	}
	select {
	case <-env.exited:
	default:
		t.Error("the child that timed out lives on")
	}
	mustInvoke(t, f, "echo again")
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

func TestRuntimeAPISlowsDownRestartsOfAChildThatDiesAtItsStart(t *testing.T) {
	f := childFunction(t, "dies-before-its-first-poll", nil)
	start := time.Now()
	for range 3 {
		_, err := invoke(t, f, "echo")
		var fe *FunctionError
		if !errors.As(err, &fe) || fe.Type != ErrorTypeExit || !strings.Contains(fe.Message, "exit status 3") {
			t.Errorf("got %#v", err)
		}
	}
	if took := time.Since(start); took < firstRestartDelay+2*firstRestartDelay {
		t.Errorf("three starts took only %v", took)
	}
}

func TestRuntimeAPIGivesUpOnAChildThatNeverPolls(t *testing.T) {
	f := childFunction(t, "never-polls", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := f.Invoke(ctx, []byte(`"echo"`))
	var fe *FunctionError
	if !errors.As(err, &fe) || fe.Type != ErrorTypeTimeout {
		t.Errorf("got %v", err)
	}
}

// waitingChild is the one that the next invocation goes to.
func waitingChild(t *testing.T, f *RuntimeAPI) *environment {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.idle) == 0 {
		t.Fatal("no child waits")
	}
	return f.idle[len(f.idle)-1]
}

func TestRuntimeAPIStartsAnotherChildWhereTheOthersAreBusy(t *testing.T) {
	f := childFunction(t, "serves", nil)
	first := mustInvoke(t, f, "pid")
	ctx, cancel := context.WithCancel(t.Context())
	hanging := make(chan error, 1)
	go func() {
		_, err := f.Invoke(ctx, []byte(`"hang"`))
		hanging <- err
	}()
	eventually(t, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.idle) == 0 },
		func() string { return "the child that waited is not used" })
	second := mustInvoke(t, f, "pid")
	if again := mustInvoke(t, f, "pid"); second == first || again != second {
		t.Errorf("invocations went to %s, %s and %s", first, second, again)
	}
	cancel()
	if err := <-hanging; err == nil {
		t.Error("the invocation that hung succeeded")
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

func TestRuntimeAPIPassesTheChildsOutputOn(t *testing.T) {
	var out bytes.Buffer
	f := childFunction(t, "serves", func(c *RuntimeConfig) { c.Stdout = &out })
	mustInvoke(t, f, "print hello")
	if err := f.Close(); err != nil { // it waits for the end of the output
		t.Fatal(err)
	}
	if out.String() != "hello\n" {
		t.Errorf("got %q", out.String())
	}
}

func TestRuntimeAPIAsksTheChildToEndBeforeItKillsIt(t *testing.T) {
	var out bytes.Buffer
	f := childFunction(t, "notes-sigterm", func(c *RuntimeConfig) {
		c.Stdout, c.StopGrace = &out, 20*time.Second
	})
	mustInvoke(t, f, "echo")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if out.String() != "got SIGTERM\n" {
		t.Errorf("got %q", out.String())
	}
	if _, err := invoke(t, f, "echo"); err == nil {
		t.Error("a closed runtime API took an invocation")
	}
}

func TestRuntimeAPIKillsAChildThatIgnoresSIGTERM(t *testing.T) {
	f := childFunction(t, "ignores-sigterm", func(c *RuntimeConfig) { c.StopGrace = 50 * time.Millisecond })
	mustInvoke(t, f, "echo")
	env := waitingChild(t, f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-env.exited:
	default:
		t.Error("the child outlived Close")
	}
}

func TestRuntimeAPINeedsABinary(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		if _, err := NewRuntimeAPI(RuntimeConfig{Bootstrap: path}); err == nil {
			t.Errorf("bootstrap %q was taken", path)
		}
	}
}
