package trigger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// RuntimeConfig says which program a [RuntimeAPI] runs, and how.
type RuntimeConfig struct {
	// Bootstrap is the path of the function's binary, as it is in the deployment package. Required.
	Bootstrap string
	// Args are the binary's arguments; Lambda gives none.
	Args []string
	// Env are KEY=value pairs for the child. They override those of this process, and Lambda's own variables override
	// them.
	Env []string
	// Function is what the child is told about itself.
	Function Function
	// Stdout and Stderr get the child's output. nil discards it.
	Stdout, Stderr io.Writer
	// StopGrace is the time between SIGTERM and SIGKILL at Close. 0 is 500 ms, as in AWS.
	StopGrace time.Duration
	// Logger gets starts and ends of children. nil discards them.
	Logger *slog.Logger
}

const (
	// Source: AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", shutdown phase.
	defaultStopGrace = 500 * time.Millisecond

	// A child that dies before its first poll is started again after a pause: 100 ms, 200 ms, ... 10 s.
	firstRestartDelay = 100 * time.Millisecond
	maxRestartDelay   = 10 * time.Second
)

// RuntimeAPI is an [Invoker] that serves the AWS Lambda Runtime API (version 2018-06-01) on loopback ports and runs
// the real bootstrap binary against it. A child has one invocation at a time, as an execution environment of Lambda
// has. An invocation goes to the waiting child that was used last, or starts another child. A child ends after a
// timeout, a crash or a failed start.
//
// Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes" and "Building a custom
// runtime".
type RuntimeAPI struct {
	cfg       RuntimeConfig
	firstPoll atomic.Int64
	closed    chan struct{}
	busy      sync.WaitGroup

	mu    sync.Mutex
	idle  []*environment // the last element was used last
	early int            // consecutive children that ended before their first poll
}

// NewRuntimeAPI checks the config. It does not start a child.
func NewRuntimeAPI(cfg RuntimeConfig) (*RuntimeAPI, error) {
	if cfg.Bootstrap == "" {
		return nil, errors.New("bootstrap: a path is required")
	}
	// The child runs in the binary's folder, as in /var/task, so a relative path would be wrong.
	path, err := filepath.Abs(cfg.Bootstrap)
	if err != nil {
		return nil, fmt.Errorf("resolve bootstrap %s: %w", cfg.Bootstrap, err)
	}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("find bootstrap: %w", err)
	} else if info.IsDir() {
		return nil, fmt.Errorf("bootstrap %s is a folder, not a binary", path)
	}
	cfg.Bootstrap = path
	cfg.Function = cfg.Function.withDefaults()
	output := new(sync.Mutex)
	cfg.Stdout, cfg.Stderr = shared(cfg.Stdout, output), shared(cfg.Stderr, output)
	if cfg.StopGrace == 0 {
		cfg.StopGrace = defaultStopGrace
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &RuntimeAPI{cfg: cfg, closed: make(chan struct{})}, nil
}

// FirstPoll is the time from the start of the latest child to its first poll: the part of a cold start that the
// function can influence. It is 0 before the first poll.
func (r *RuntimeAPI) FirstPoll() time.Duration { return time.Duration(r.firstPoll.Load()) }

// Invoke runs the function once. At the context's deadline it kills the child and returns a [*FunctionError] of
// [ErrorTypeTimeout]. It kills the child, too, when the context is cancelled, because nothing else ends a running
// invocation.
func (r *RuntimeAPI) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	env, err := r.take()
	if err != nil {
		return nil, err
	}
	defer r.busy.Done()
	inv := newInvocation(ctx, payload)
	if env == nil {
		if env, err = r.start(ctx, inv); err != nil {
			return nil, err
		}
	}
	response, err := env.invoke(ctx, inv)
	if env.isOver() {
		env.stop(0)
		return response, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, env)
	return response, err
}

// take returns a waiting child, or nil, and counts the invocation. It fails if the API is closed.
func (r *RuntimeAPI) take() (*environment, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed() {
		return nil, errors.New("invoke function: the runtime API is closed")
	}
	r.busy.Add(1)
	for n := len(r.idle); n > 0; n = len(r.idle) {
		env := r.idle[n-1]
		r.idle = r.idle[:n-1]
		if !env.isOver() {
			return env, nil
		}
		env.stop(0)
	}
	return nil, nil
}

// start starts a child and waits for its first poll.
func (r *RuntimeAPI) start(ctx context.Context, inv *invocation) (*environment, error) {
	if err := r.delayRestart(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	env, err := startEnvironment(r.cfg)
	if err == nil {
		if err = env.awaitPoll(ctx, inv); err != nil {
			env.stop(0)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.early++
		return nil, err
	}
	r.early = 0
	r.firstPoll.Store(int64(env.polledAt.Sub(began)))
	r.cfg.Logger.Debug("function started", "pid", env.pid(), "first_poll_ms", r.FirstPoll().Milliseconds())
	return env, nil
}

func (r *RuntimeAPI) delayRestart(ctx context.Context) error {
	r.mu.Lock()
	early := r.early
	r.mu.Unlock()
	if early == 0 {
		return nil
	}
	select {
	case <-time.After(min(firstRestartDelay<<min(early-1, 10), maxRestartDelay)):
		return nil
	case <-r.closed:
		return errors.New("restart function: the runtime API is closed")
	case <-ctx.Done():
		return fmt.Errorf("restart function, which ended before its first poll %d times: %w", early, ctx.Err())
	}
}

func (r *RuntimeAPI) isClosed() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

// Close ends the children: SIGTERM, and SIGKILL after StopGrace. It first waits for running invocations; cancel their
// contexts to shorten that. Later invocations fail.
func (r *RuntimeAPI) Close() error {
	r.mu.Lock()
	if !r.isClosed() {
		close(r.closed)
	}
	r.mu.Unlock()
	r.busy.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	var stopping sync.WaitGroup
	for _, env := range r.idle {
		stopping.Go(func() { env.stop(r.cfg.StopGrace) })
	}
	stopping.Wait()
	r.idle = nil
	return nil
}

// shared returns a writer that several children may write to. They get a file as it is.
func shared(w io.Writer, mu *sync.Mutex) io.Writer {
	if _, isFile := w.(*os.File); w == nil || isFile {
		return w
	}
	return &sharedWriter{mu, w}
}

type sharedWriter struct {
	mu  *sync.Mutex // shared by Stdout and Stderr, which may be the same writer
	out io.Writer
}

func (w *sharedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}
