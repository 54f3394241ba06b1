package trigger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// maxInvocation is Lambda's limit for a function's timeout. It is the deadline of an invocation whose context has
// none.
const maxInvocation = 15 * time.Minute

// invocation is one run of the function through the Runtime API.
type invocation struct {
	id       string
	payload  []byte
	start    time.Time
	deadline time.Time
	traceID  string
	answers  chan answer // buffered for the one answer
}

type answer struct {
	response []byte
	err      error
}

func newInvocation(ctx context.Context, payload []byte) *invocation {
	start := time.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = start.Add(maxInvocation)
	}
	return &invocation{
		id: requestID(ctx), payload: payload, start: start, deadline: deadline, traceID: newTraceID(start),
		answers: make(chan answer, 1),
	}
}

// answer keeps the first answer.
func (i *invocation) answer(a answer) {
	select {
	case i.answers <- a:
	default:
	}
}

// ended is the failure of an invocation whose context ended before the answer came.
func (i *invocation) ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return timeoutError(i.id, i.deadline.Sub(i.start))
	}
	return fmt.Errorf("invoke function: %w", ctx.Err())
}

// newTraceID makes a tracing header with random ids, not sampled, because no X-Ray segments are recorded here.
//
// Source: AWS X-Ray Developer Guide, "Tracing header".
func newTraceID(now time.Time) string {
	var b [12 + 8]byte
	rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0",
		now.Unix(), hex.EncodeToString(b[:12]), hex.EncodeToString(b[12:]))
}

// environment is one child process and its own Runtime API. Each child gets a port of its own, so that a request of a
// killed child cannot be taken for one of its successor.
type environment struct {
	cfg    RuntimeConfig
	cmd    *exec.Cmd
	server *http.Server

	polls    chan struct{}    // one for each poll that waits for work
	work     chan *invocation // the waiting poll receives from it
	polled   sync.Once
	polledAt time.Time

	mu        sync.Mutex
	running   *invocation
	initError *FunctionError

	idle     bool // a poll waits; owned by the caller of invoke
	unusable bool // killed during an invocation; owned by the caller of invoke
	exited   chan struct{}
	exitErr  error // how the child ended; valid once exited is closed
}

// startEnvironment starts the child. The caller waits for the first poll, and must stop the child.
func startEnvironment(cfg RuntimeConfig) (*environment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime API: %w", err)
	}
	e := &environment{
		cfg: cfg, polls: make(chan struct{}), work: make(chan *invocation), exited: make(chan struct{}),
	}
	e.server = &http.Server{Handler: e.routes(), ReadHeaderTimeout: 10 * time.Second}
	go e.server.Serve(listener) //nolint:errcheck // it ends by Close, and that is all its error says

	e.cmd = exec.Command(cfg.Bootstrap, cfg.Args...)
	e.cmd.Dir = filepath.Dir(cfg.Bootstrap)
	e.cmd.Env = childEnv(cfg, listener.Addr())
	e.cmd.Stdout, e.cmd.Stderr = cfg.Stdout, cfg.Stderr
	// A grandchild may keep the pipe of stdout open. Without this, Wait would not return.
	e.cmd.WaitDelay = time.Second
	ownProcessGroup(e.cmd)
	if err := e.cmd.Start(); err != nil {
		e.server.Close()
		return nil, fmt.Errorf("start function: %w", err)
	}
	go func() {
		e.exitErr = e.cmd.Wait()
		close(e.exited)
	}()
	return e, nil
}

// childEnv is the environment that Lambda gives a function on provided.al2023, on top of the parent's, which has the
// credentials and the function's configuration.
//
// Source: AWS Lambda Developer Guide, "Working with Lambda environment variables", defined runtime environment
// variables.
func childEnv(cfg RuntimeConfig, api net.Addr) []string {
	env := append(os.Environ(), cfg.Env...)
	return append(env, // the last of two equal names counts
		"AWS_LAMBDA_RUNTIME_API="+api.String(),
		"AWS_LAMBDA_FUNCTION_NAME="+cfg.Function.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(cfg.Function.MemoryMB),
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+cfg.Function.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=local",
		"LAMBDA_TASK_ROOT="+filepath.Dir(cfg.Bootstrap),
		"_HANDLER="+filepath.Base(cfg.Bootstrap),
		"TZ=:UTC",
	)
}

func (e *environment) pid() int { return e.cmd.Process.Pid }

// isOver tells whether the child can take no more invocations.
func (e *environment) isOver() bool {
	select {
	case <-e.exited:
		return true
	default:
		return e.unusable
	}
}

// awaitPoll waits until the child asks for work.
func (e *environment) awaitPoll(ctx context.Context, inv *invocation) error {
	if e.idle {
		return nil
	}
	select {
	case <-e.polls:
		e.idle = true
		return nil
	case <-e.exited:
		return e.exitError(inv)
	case <-ctx.Done():
		e.unusable = true
		return inv.ended(ctx)
	}
}

// invoke hands inv to the child, waits for the answer, and then waits until the child polls again: in Lambda, too, an
// invocation ends only when the runtime asks for the next. A child may answer and exit, as a Go function does after a
// panic; that is noticed now, and not by the next invocation.
func (e *environment) invoke(ctx context.Context, inv *invocation) ([]byte, error) {
	e.setRunning(inv)
	defer e.setRunning(nil)
	if err := e.awaitPoll(ctx, inv); err != nil {
		return nil, err
	}
	for e.idle {
		select {
		case e.work <- inv:
			e.idle = false
		case <-e.polls: // the waiting poll was given up for this one
		case <-e.exited:
			return nil, e.exitError(inv)
		case <-ctx.Done():
			e.unusable = true
			return nil, inv.ended(ctx)
		}
	}
	var a answer
	select {
	case a = <-inv.answers:
	case <-e.exited:
		select {
		case a = <-inv.answers: // the answer came just before the child ended
		default:
			return nil, e.exitError(inv)
		}
	case <-ctx.Done():
		e.unusable = true
		return nil, inv.ended(ctx)
	}
	select {
	case <-e.polls:
		e.idle = true
	case <-e.exited:
	case <-ctx.Done():
		e.unusable = true
	}
	return a.response, a.err
}

func (e *environment) setRunning(inv *invocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = inv
}

// exitError is the failure of the invocation during which the child ended: what the child reported to init/error, or
// else its exit status.
func (e *environment) exitError(inv *invocation) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.initError != nil {
		return e.initError
	}
	status := "exit status 0"
	if e.exitErr != nil {
		status = e.exitErr.Error()
	}
	return &FunctionError{
		Type:    ErrorTypeExit,
		Message: fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", inv.id, status),
		cause:   e.exitErr,
	}
}

// stop ends the child: with a grace by SIGTERM and then SIGKILL, without one by SIGKILL at once. It returns when the
// child has ended.
func (e *environment) stop(grace time.Duration) {
	if grace > 0 && terminate(e.cmd.Process) == nil {
		select {
		case <-e.exited:
		case <-time.After(grace):
		}
	}
	if err := e.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		e.cfg.Logger.Warn("kill function", "pid", e.pid(), "error", err)
	}
	<-e.exited
	e.server.Close()
}
