package trigger

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestMappingDeliversAgainWhatWasRunningWhenItWasKilled(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b")
	running := make(chan struct{})
	killed := &function{answer: func(ctx context.Context, _ string) (string, error) {
		close(running)
		<-ctx.Done()
		return "", ctx.Err()
	}}
	cfg := b.config()
	cfg.ShutdownGrace = time.Millisecond // no invocation can finish, as with a kill
	stop := start(t, cfg, killed)
	<-running
	stop()
	f := &function{}
	start(t, b.config(), f)
	if diff := cmp.Diff([]string{"0:a b"}, f.await(t, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestMappingLetsTheRunningBatchFinishAtShutdown(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b")
	running, finish := make(chan struct{}), make(chan struct{})
	f := &function{answer: func(ctx context.Context, _ string) (string, error) {
		close(running)
		<-finish
		return "", ctx.Err() // it must not have been cancelled
	}}
	m, err := New(b.config(), f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	<-running
	cancel()
	select {
	case err := <-ended:
		t.Fatalf("Run returned in the middle of an invocation: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := b.committed(t); got != "0:2" {
		t.Errorf("committed %q", got)
	}
}

func TestMappingLeavesTheGroupAtShutdown(t *testing.T) {
	b := newBroker(t, 1)
	left := make(chan struct{}, 1)
	b.ControlKey(int16(kmsg.LeaveGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		left <- struct{}{}
		return nil, nil, false
	})
	b.put(t, 0, "a")
	f := &function{}
	stop := start(t, b.config(), f)
	f.await(t, 1)
	stop()
	select {
	case <-left:
	default:
		t.Error("the group was not told")
	}
}

func TestMappingStopsWhileNoBrokerCanBeReached(t *testing.T) {
	b := newBroker(t, 1)
	cfg := b.config()
	b.Close()
	stop := start(t, cfg, &function{})
	began := time.Now()
	stop()
	if took := time.Since(began); took > leaveTimeout+time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestMappingStopsWhileTheBrokerRefusesItsCommits(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a")
	refused := make(chan struct{}, 100)
	b.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		select {
		case refused <- struct{}{}:
		default:
		}
		return refusedCommit(req), nil, true
	})
	cfg := b.config()
	cfg.ShutdownGrace = 50 * time.Millisecond
	stop := start(t, cfg, &function{})
	within(t, refused, "the first commit")
	began := time.Now()
	stop()
	if took := time.Since(began); took > leaveTimeout {
		t.Errorf("it took %v", took)
	}
}

func TestMappingDoesNotWaitForABrokerThatHangs(t *testing.T) {
	t.Parallel() // it mostly waits
	b := newBroker(t, 1)
	hang := make(chan struct{})
	b.ControlKey(int16(kmsg.LeaveGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		<-hang
		return nil, nil, false
	})
	b.put(t, 0, "a")
	stop := start(t, b.config(), &function{})
	t.Cleanup(func() { close(hang) })
	b.awaitCommitted(t, "0:1")
	began := time.Now()
	stop()
	if took := time.Since(began); took > leaveTimeout+2*time.Second {
		t.Errorf("it took %v", took)
	}
}
