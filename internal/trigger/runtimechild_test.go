package trigger

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

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

// waitingChild is the child that gets the next invocation.
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

func TestRuntimeAPIPassesTheChildsOutputOn(t *testing.T) {
	var out bytes.Buffer
	f := childFunction(t, "serves", func(c *RuntimeConfig) { c.Stdout = &out })
	mustInvoke(t, f, "print hello")
	if err := f.Close(); err != nil { // waits for the end of the output
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
