package trigger

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// logWatch is a logger that signals when a message is logged.
type logWatch struct {
	slog.Handler
	message string
	once    *sync.Once
	seen    chan struct{}
}

func watchLog(t *testing.T, message string) (*slog.Logger, <-chan struct{}) {
	w := logWatch{
		Handler: slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}),
		message: message, once: new(sync.Once), seen: make(chan struct{}),
	}
	return slog.New(w), w.seen
}

func (w logWatch) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == w.message {
		w.once.Do(func() { close(w.seen) })
	}
	return w.Handler.Handle(ctx, r)
}

func (w logWatch) WithAttrs(attrs []slog.Attr) slog.Handler {
	w.Handler = w.Handler.WithAttrs(attrs)
	return w
}

func within(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		t.Fatalf("%s did not happen", what)
	}
}

func TestMappingsOfOneGroupShareThePartitionsAndTakeOver(t *testing.T) {
	b := newBroker(t, 4)
	one, two := &function{}, &function{}
	stopOne := start(t, b.config(), one)
	for p := range int32(4) {
		b.put(t, p, "a")
	}
	b.awaitCommitted(t, "0:1 1:1 2:1 3:1")

	start(t, b.config(), two)
	round := 1
	eventually(t, func() bool { // until the second member has partitions
		round++
		for p := range int32(4) {
			b.put(t, p, fmt.Sprintf("round%d", round))
		}
		b.awaitCommitted(t, fmt.Sprintf("0:%d 1:%d 2:%d 3:%d", round, round, round, round))
		return len(two.seen()) > 0
	}, func() string { return "the second mapping got nothing" })

	stopOne()
	before := len(one.seen())
	for p := range int32(4) {
		b.put(t, p, "end")
	}
	round++
	b.awaitCommitted(t, fmt.Sprintf("0:%d 1:%d 2:%d 3:%d", round, round, round, round))
	if len(one.seen()) != before {
		t.Error("a stopped mapping was invoked")
	}
}

// blocked is a function whose invocations run until it is released. running signals that two of them run.
func blocked() (f *function, running, release chan struct{}) {
	running, release = make(chan struct{}), make(chan struct{})
	var invoked atomic.Int32
	f = &function{answer: func(context.Context, string) (string, error) {
		if invoked.Add(1) == 2 {
			close(running)
		}
		<-release
		return "", nil
	}}
	return f, running, release
}

func TestMappingFinishesARunningInvocationBeforeItGivesThePartitionUp(t *testing.T) {
	b := newBroker(t, 2)
	b.put(t, 0, "a")
	b.put(t, 1, "a")
	one, running, release := blocked()
	cfg := b.config()
	logger, leaving := watchLog(t, "giving partitions up")
	cfg.Logger = logger
	start(t, cfg, one)
	within(t, running, "the first invocation of both partitions")

	two := &function{}
	start(t, b.config(), two)
	within(t, leaving, "the rebalance")
	if got := two.seen(); len(got) > 0 {
		t.Errorf("%q was delivered while it was being processed", got)
	}
	close(release)
	b.awaitCommitted(t, "0:1 1:1")

	b.put(t, 0, "b")
	b.put(t, 1, "b")
	b.awaitCommitted(t, "0:2 1:2")
	for _, got := range two.seen() {
		if strings.Contains(got, "a") {
			t.Errorf("%q was delivered again", got)
		}
	}
}

func TestMappingDoesNotCommitAPartitionThatItHasGivenUp(t *testing.T) {
	b := newBroker(t, 2)
	b.put(t, 0, "a")
	b.put(t, 1, "a")
	one, running, release := blocked()
	cfg := b.config()
	cfg.ShutdownGrace = 50 * time.Millisecond // the invocations take longer
	start(t, cfg, one)
	within(t, running, "the first invocation of both partitions")

	two := &function{}
	start(t, b.config(), two)
	moved := int32(two.await(t, 1)[0][0] - '0') // it is delivered again
	b.put(t, moved, "b", "c")
	b.awaitCommitted(t, fmt.Sprintf("%d:3", moved))

	close(release)
	both := fmt.Sprintf("%d:3", moved) // not 1, the offset of the late invocation
	if moved == 0 {
		both += " 1:1"
	} else {
		both = "0:1 " + both
	}
	b.awaitCommitted(t, both)
}

func TestMappingHandsAFailingPartitionOver(t *testing.T) {
	b := newBroker(t, 2)
	b.put(t, 0, "a")
	b.put(t, 1, "a")
	one := &function{answer: func(context.Context, string) (string, error) { return "", errNo }}
	cfg := b.config()
	cfg.ShutdownGrace = maxShutdownGrace // longer than the test waits, so the retries must end by themselves
	stopOne := start(t, cfg, one)
	one.await(t, 5)
	two := &function{}
	start(t, b.config(), two)
	two.await(t, 1)
	stopOne()
	b.awaitCommitted(t, "0:1 1:1")
	got := two.seen()
	slices.Sort(got)
	if !slices.Equal(got, []string{"0:a", "1:a"}) {
		t.Errorf("the second mapping got %q", got)
	}
}

func TestMappingReadsAPartitionAgainThatComesBack(t *testing.T) {
	b := newBroker(t, 2)
	for p := range int32(2) {
		b.put(t, p, strings.Fields(strings.Repeat("v ", 10))...)
	}
	var works atomic.Bool
	one := &function{answer: func(context.Context, string) (string, error) {
		if works.Load() {
			return "", nil
		}
		return "", errNo
	}}
	cfg := b.config()
	cfg.BatchSize = 2 // more records wait behind each failing batch, so reading is paused
	start(t, cfg, one)
	one.await(t, 20)
	two := &function{}
	stopTwo := start(t, cfg, two)
	two.await(t, 1)
	works.Store(true)
	stopTwo()
	b.put(t, 0, "end")
	b.put(t, 1, "end")
	b.awaitCommitted(t, "0:11 1:11")
}
