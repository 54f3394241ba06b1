package trigger

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
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

func TestMappingStartsAtTheEarliestRecordAndCommitsAfterTheLast(t *testing.T) {
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
	b.put(t, 0, "c") // it arrives while the batch before it is retried
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

// refusedCommit is a broker's answer to a commit during a rebalance.
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

func TestMappingReachesTheFunctionThroughTheRuntimeAPIAcrossItsCrash(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "crash", "b")
	var out bytes.Buffer
	f := childFunction(t, "reads-events", func(c *RuntimeConfig) {
		c.Stdout = &out
		c.Env = append(c.Env, "CRASHED="+filepath.Join(t.TempDir(), "crashed"))
	})
	stop := start(t, b.config(), f)
	b.awaitCommitted(t, "0:3")
	stop()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "a\na\ncrash\nb\n"; out.String() != want {
		t.Errorf("the function saw %q, want %q", out.String(), want)
	}
}
