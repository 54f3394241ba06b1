package trigger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestMappingSendsABatchAsSoonAsItIsFull(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b", "c", "d", "e")
	f := &function{}
	cfg := b.config()
	cfg.BatchSize, cfg.BatchWindow = 2, time.Minute // only the size can complete a batch
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

func TestEachPartitionHasBatchesOfItsOwn(t *testing.T) {
	b := newBroker(t, 3)
	b.put(t, 2, "e", "f")
	b.put(t, 0, "a", "b")
	b.put(t, 1, "c", "d")
	f := &function{}
	cfg := b.config()
	cfg.BatchSize, cfg.BatchWindow = 2, time.Minute
	start(t, cfg, f)
	got := f.await(t, 3)
	slices.Sort(got)
	if diff := cmp.Diff([]string{"0:a b", "1:c d", "2:e f"}, got); diff != "" {
		t.Error(diff)
	}
	b.awaitCommitted(t, "0:2 1:2 2:2")
}

func TestAPartitionWhoseBatchHangsHoldsUpNoOther(t *testing.T) {
	b := newBroker(t, 3)
	release := make(chan struct{})
	f := &function{answer: func(_ context.Context, batch string) (string, error) {
		if strings.Contains(batch, "hangs") {
			<-release
		}
		return "", nil
	}}
	start(t, b.config(), f)
	t.Cleanup(func() { close(release) })
	b.put(t, 1, "hangs")
	f.await(t, 1)
	for round := range 3 { // batch after batch
		b.put(t, 0, "a")
		b.put(t, 2, "b")
		b.awaitCommitted(t, fmt.Sprintf("0:%[1]d 2:%[1]d", round+1))
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

// unbuffered counts the records that polls took out of the client's buffer.
type unbuffered struct{ atomic.Int64 }

func (u *unbuffered) OnFetchRecordUnbuffered(_ *kgo.Record, polled bool) {
	if polled {
		u.Add(1)
	}
}

func TestMappingReadsSomeBatchesAheadOfAFailingOneAndNoFurther(t *testing.T) {
	b := newBroker(t, 1)
	for range 200 {
		b.put(t, 0, "v") // each is a batch of its own on the broker, the smallest unit of a fetch
	}
	var polled unbuffered
	cfg := b.config()
	cfg.BatchSize = 5 // waitingBatches are 50
	cfg.MaxRetryBackoff = 2 * time.Millisecond
	cfg.ClientOptions = append(cfg.ClientOptions, kgo.WithHooks(&polled), kgo.FetchMaxPartitionBytes(1))
	f := &function{answer: func(context.Context, string) (string, error) { return "", errNo }}
	start(t, cfg, f)
	f.await(t, 100)
	if n := polled.Load(); n > 70 {
		t.Errorf("%d records were read", n)
	}
}
