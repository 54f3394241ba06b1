package trigger

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var errNo = errors.New("no")

func TestMappingStartsAtTheEarliestRecordAndCommitsBehindTheLast(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b")
	f := &function{}
	start(t, b.config(), f)
	if diff := cmp.Diff([]string{"0:a b"}, f.await(t, 1)); diff != "" {
		t.Error(diff)
	}
	b.awaitCommitted(t, "0:2")
	b.put(t, 0, "c")
	if diff := cmp.Diff([]string{"0:a b", "0:c"}, f.await(t, 2)); diff != "" {
		t.Error(diff)
	}
	b.awaitCommitted(t, "0:3")
}

func TestMappingGoesOnWhereTheGroupStopped(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b")
	first := &function{}
	stop := start(t, b.config(), first)
	first.await(t, 1)
	stop()
	b.put(t, 0, "c")
	second := &function{}
	start(t, b.config(), second)
	if diff := cmp.Diff([]string{"0:c"}, second.await(t, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestMappingSendsABatchAsSoonAsItIsFull(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b", "c", "d", "e")
	f := &function{}
	cfg := b.config()
	cfg.BatchSize, cfg.BatchWindow = 2, time.Minute // only size can make a batch due
	start(t, cfg, f)
	f.await(t, 2)
	if diff := cmp.Diff([]string{"0:a b", "0:c d"}, f.seen()); diff != "" {
		t.Error(diff)
	}
	b.put(t, 0, "f")
	if got := f.await(t, 3)[2]; got != "0:e f" {
		t.Errorf("got %q", got)
	}
}

func TestMappingWaitsForTheWindowAndNoLonger(t *testing.T) {
	b := newBroker(t, 1)
	f := &function{}
	cfg := b.config()
	cfg.BatchWindow = 400 * time.Millisecond
	start(t, cfg, f)
	b.put(t, 0, "a")
	put := time.Now()
	b.put(t, 0, "b")
	if diff := cmp.Diff([]string{"0:a b"}, f.await(t, 1)); diff != "" {
		t.Error(diff)
	}
	if waited := time.Since(put); waited < cfg.BatchWindow/2 {
		t.Errorf("the batch was sent after %v", waited)
	}
}

func TestMappingMixesPartitionsInABatch(t *testing.T) {
	b := newBroker(t, 3)
	b.put(t, 2, "e", "f")
	b.put(t, 0, "a", "b")
	b.put(t, 1, "c", "d")
	f := &function{}
	cfg := b.config()
	cfg.BatchSize, cfg.BatchWindow = 6, time.Minute
	start(t, cfg, f)
	if diff := cmp.Diff([]string{"0:a b|1:c d|2:e f"}, f.await(t, 1)); diff != "" {
		t.Error(diff)
	}
	b.awaitCommitted(t, "0:2 1:2 2:2")
}

func TestMappingLetsEveryPartitionHaveItsTurn(t *testing.T) {
	b := newBroker(t, 2)
	b.put(t, 0, slices.Repeat([]string{"busy" + strings.Repeat("x", 300)}, 50)...)
	b.put(t, 1, "quiet")
	f := &function{}
	cfg := b.config()
	cfg.MaxPayloadBytes = 3000 // five of the busy ones
	cfg.BatchWindow = 200 * time.Millisecond
	start(t, cfg, f)
	quiet := func(batch string) bool { return strings.Contains(batch, "quiet") }
	eventually(t, func() bool { return slices.ContainsFunc(f.seen(), quiet) },
		func() string { return "the quiet partition waits for ever" })
	if i := slices.IndexFunc(f.seen(), quiet); i > 2 {
		t.Errorf("the quiet partition had to wait for %d batches of the busy one", i)
	}
}

func TestMappingKeepsThePayloadWithinItsLimit(t *testing.T) {
	b := newBroker(t, 2)
	value := strings.Repeat("x", 300) // 400 in base64
	for range 10 {
		b.put(t, 0, value)
		b.put(t, 1, value)
	}
	var largest, records atomic.Int64
	cfg := b.config()
	cfg.MaxPayloadBytes = 2500
	start(t, cfg, invokerFunc(func(_ context.Context, payload []byte) ([]byte, error) {
		largest.Store(max(largest.Load(), int64(len(payload))))
		records.Add(int64(strings.Count(string(payload), `"value"`)))
		return nil, nil
	}))
	b.awaitCommitted(t, "0:10 1:10")
	if records.Load() != 20 {
		t.Errorf("%d records were sent, want 20", records.Load())
	}
	if l := largest.Load(); l > 2500 || l < 1500 {
		t.Errorf("the largest payload had %d bytes, want just under 2500", l)
	}
}

func TestMappingHoldsARecordThatNoInvocationCanCarryAndItsPartitionOnly(t *testing.T) {
	b := newBroker(t, 2)
	b.put(t, 0, "a", strings.Repeat("x", 3000), "b")
	b.put(t, 1, "c")
	f := &function{}
	cfg := b.config()
	cfg.MaxPayloadBytes = 2500
	stop := start(t, cfg, f)
	b.awaitCommitted(t, "0:1 1:1")
	b.put(t, 1, "d")
	b.awaitCommitted(t, "0:1 1:2")
	stop()
	if got := strings.Join(f.seen(), "|"); strings.Contains(got, "b") {
		t.Errorf("the record behind it was sent: %q", got)
	}
	b.awaitCommitted(t, "0:1 1:2")
}

func TestMappingRetriesABatchUntilItSucceedsAndKeepsTheOrder(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b")
	var left atomic.Int32
	left.Store(4)
	f := &function{answer: func(context.Context, string) (string, error) {
		if left.Add(-1) >= 0 {
			return "", errNo
		}
		return "", nil
	}}
	start(t, b.config(), f)
	f.await(t, 2)
	b.put(t, 0, "c") // it comes while the batch before it is retried
	b.awaitCommitted(t, "0:3")
	got := f.seen()
	want := append(slices.Repeat([]string{"0:a b"}, 5), "0:c")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMappingCommitsNothingOfABatchThatFails(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b")
	failing := &function{answer: func(context.Context, string) (string, error) { return "", errNo }}
	stop := start(t, b.config(), failing)
	failing.await(t, 3)
	stop()
	if got := b.committed(t); got != "" {
		t.Errorf("committed %q", got)
	}
	f := &function{}
	start(t, b.config(), f)
	if diff := cmp.Diff([]string{"0:a b"}, f.await(t, 1)); diff != "" {
		t.Error(diff)
	}
}

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
	cfg.ShutdownGrace = time.Millisecond // as good as a kill: nothing gets to finish
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

func TestMappingOfOnePartitionThatFailsDoesNotHoldUpTheOthers(t *testing.T) {
	b := newBroker(t, 2)
	b.put(t, 0, "poison")
	b.put(t, 1, "a")
	f := &function{answer: func(_ context.Context, batch string) (string, error) {
		if strings.Contains(batch, "poison") {
			return "", errNo
		}
		return "", nil
	}}
	start(t, b.config(), f)
	b.awaitCommitted(t, "1:1")
	b.put(t, 1, "b")
	b.awaitCommitted(t, "1:2")
}

func TestMappingGivesEachInvocationTheFunctionsTimeout(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a")
	remaining := make(chan time.Duration, 1)
	f := &function{answer: func(ctx context.Context, _ string) (string, error) {
		deadline, _ := ctx.Deadline()
		remaining <- time.Until(deadline)
		return "", nil
	}}
	cfg := b.config()
	cfg.FunctionTimeout = 7 * time.Second
	start(t, cfg, f)
	if d := <-remaining; d < 6*time.Second || d > 7*time.Second {
		t.Errorf("%v are left", d)
	}
}

func TestMappingCommitsAgainWhenTheBrokerRefusesACommit(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a")
	refused := make(chan struct{})
	b.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		close(refused)
		return refusedCommit(req), nil, true
	})
	f := &function{}
	start(t, b.config(), f)
	<-refused
	b.awaitCommitted(t, "0:1")
	if diff := cmp.Diff([]string{"0:a"}, f.seen()); diff != "" {
		t.Errorf("the batch was sent again: %s", diff)
	}
}

func TestMappingStopsWhileNoBrokerCanBeReached(t *testing.T) {
	b := newBroker(t, 1)
	cfg := b.config()
	b.Cluster.Close()
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

// refusedCommit answers a commit as a broker does in the middle of a rebalance.
func refusedCommit(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	resp.Topics = []kmsg.OffsetCommitResponseTopic{{
		Topic: "events",
		Partitions: []kmsg.OffsetCommitResponseTopicPartition{{
			Partition: 0, ErrorCode: kerr.RebalanceInProgress.Code,
		}},
	}}
	return resp
}

// unbuffered counts the records that polls took from the client.
type unbuffered struct{ atomic.Int64 }

func (u *unbuffered) OnFetchRecordUnbuffered(_ *kgo.Record, polled bool) {
	if polled {
		u.Add(1)
	}
}

func TestMappingReadsNoFurtherThanABatchBehindAFailingOne(t *testing.T) {
	b := newBroker(t, 1)
	for range 60 {
		b.put(t, 0, "v") // each a batch of its own on the broker, the least that a fetch brings
	}
	var polled unbuffered
	cfg := b.config()
	cfg.BatchSize = 5
	cfg.MaxRetryBackoff = 2 * time.Millisecond
	cfg.ClientOptions = append(cfg.ClientOptions, kgo.WithHooks(&polled), kgo.FetchMaxPartitionBytes(1))
	f := &function{answer: func(context.Context, string) (string, error) { return "", errNo }}
	start(t, cfg, f)
	f.await(t, 100)
	if n := polled.Load(); n > 20 {
		t.Errorf("%d records were read", n)
	}
}

func TestMappingDoesNotWaitForABrokerThatHangs(t *testing.T) {
	t.Parallel() // it waits for most of its time
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

func TestMappingRefusesABadClientOption(t *testing.T) {
	cfg := Config{Topic: "events", ConsumerGroup: "processor"}
	cfg.ClientOptions = []kgo.Opt{kgo.SeedBrokers("localhost:notaport")}
	m, err := New(cfg, &function{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "create consumer of events") {
		t.Errorf("got %v", err)
	}
}

type invokerFunc func(context.Context, []byte) ([]byte, error)

func (f invokerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}
