package trigger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
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
	// Env are KEY=value pairs for the child, over those of this process and under those that Lambda sets.
	Env []string
	// Function is what the child is told about itself.
	Function Function
	// Stdout and Stderr take what the child writes. Nil discards it.
	Stdout, Stderr io.Writer
	// StopGrace is the time between SIGTERM and SIGKILL at Close. 0 is 500 ms, as on AWS.
	StopGrace time.Duration
	// Logger is told of starts and ends of the child. Nil discards.
	Logger *slog.Logger
}

const (
	// Source: AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", shutdown phase.
	defaultStopGrace = 500 * time.Millisecond

	// A child that dies before its first poll is not started again at once: 100 ms, 200 ms, ... 10 s.
	firstRestartDelay = 100 * time.Millisecond
	maxRestartDelay   = 10 * time.Second
)

// RuntimeAPI is an [Invoker] that serves the AWS Lambda Runtime API (version 2018-06-01) on a loopback port and runs
// the real bootstrap binary against it, as one Lambda execution environment does: one invocation at a time; others wait
// for it. The child is started by the first invocation. After a timeout, a crash or a failed start it is gone, and the
// next invocation starts another.
//
// Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes" and "Building a custom runtime".
type RuntimeAPI struct {
	cfg       RuntimeConfig
	firstPoll atomic.Int64

	turn   chan struct{} // holds one token: whoever has it owns env and early
	env    *environment
	early  int // children in a row that ended before their first poll
	closed chan struct{}
	once   sync.Once
}

// NewRuntimeAPI checks the config; it starts nothing yet.
func NewRuntimeAPI(cfg RuntimeConfig) (*RuntimeAPI, error) {
	if cfg.Bootstrap == "" {
		return nil, errors.New("bootstrap: a path is required")
	}
	// The child runs in the binary's folder, as in /var/task, so a relative path would miss.
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
	if cfg.StopGrace == 0 {
		cfg.StopGrace = defaultStopGrace
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	r := &RuntimeAPI{cfg: cfg, turn: make(chan struct{}, 1), closed: make(chan struct{})}
	r.turn <- struct{}{}
	return r, nil
}

// FirstPoll is the time from the start of the latest child to its first poll for work: its cold start, as far as the
// function can influence it. 0 before the first poll.
func (r *RuntimeAPI) FirstPoll() time.Duration { return time.Duration(r.firstPoll.Load()) }

// Invoke runs the function once. At the context's deadline the child is killed and the error is a [*FunctionError] of
// [ErrorTypeTimeout]; the deadline counts the wait for other invocations, so callers that have several at a time
// should take turns before they set it. If the context is cancelled the child is killed too, as nothing else ends a
// running invocation.
func (r *RuntimeAPI) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	select {
	case <-r.turn:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the running invocation: %w", ctx.Err())
	}
	defer func() { r.turn <- struct{}{} }()
	select {
	case <-r.closed:
		return nil, errors.New("invoke function: the runtime API is closed")
	default:
	}

	inv := newInvocation(ctx, payload)
	env, err := r.environment(ctx, inv)
	if err != nil {
		return nil, err
	}
	response, err := env.invoke(ctx, inv)
	if env.isOver() {
		r.discard()
	}
	return response, err
}

// environment gives the running child, or starts one and waits for its first poll.
func (r *RuntimeAPI) environment(ctx context.Context, inv *invocation) (*environment, error) {
	if r.env != nil && !r.env.isOver() {
		return r.env, nil
	}
	r.discard()
	if err := r.delayRestart(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	env, err := startEnvironment(r.cfg)
	if err != nil {
		r.early++
		return nil, err
	}
	r.env = env
	if err := env.awaitPoll(ctx, inv); err != nil {
		r.early++
		r.discard()
		return nil, err
	}
	r.early = 0
	r.firstPoll.Store(int64(env.polledAt.Sub(start)))
	r.cfg.Logger.Debug("function started", "pid", env.pid(), "first_poll", r.FirstPoll())
	return env, nil
}

func (r *RuntimeAPI) delayRestart(ctx context.Context) error {
	if r.early == 0 {
		return nil
	}
	delay := min(firstRestartDelay<<min(r.early-1, 10), maxRestartDelay)
	select {
	case <-time.After(delay):
		return nil
	case <-r.closed:
		return errors.New("restart function: the runtime API is closed")
	case <-ctx.Done():
		return fmt.Errorf("restart function after %d early ends: %w", r.early, ctx.Err())
	}
}

func (r *RuntimeAPI) discard() {
	if r.env != nil {
		r.env.stop(0)
		r.env = nil
	}
}

// Close ends the child, if one runs: SIGTERM, and SIGKILL when StopGrace is over. It waits for a running invocation
// first; cancel that one's context to hurry it. Later invocations fail.
func (r *RuntimeAPI) Close() error {
	r.once.Do(func() {
		close(r.closed)
		<-r.turn
		if r.env != nil {
			r.env.stop(r.cfg.StopGrace)
			r.env = nil
		}
		r.turn <- struct{}{}
	})
	return nil
}

// listenLoopback opens a port that only this machine can reach.
func listenLoopback() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime API: %w", err)
	}
	return l, nil
}
