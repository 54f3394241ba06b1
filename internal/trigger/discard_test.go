package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// destination is an on-failure destination that can refuse.
type destination struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	refuse atomic.Int32 // so many writes
}

func (d *destination) Write(p []byte) (int, error) {
	if d.refuse.Add(-1) >= 0 {
		return 0, errors.New("disk full")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buffer.Write(p)
}

// lines gives "partition:value condition invocations" of each discarded record, and the lines themselves.
func (d *destination) lines(t *testing.T) (short []string, full []discarded) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for line := range strings.Lines(d.buffer.String()) {
		var l discarded
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		var event events.KafkaEvent
		if err := json.Unmarshal(l.Payload, &event); err != nil {
			t.Fatal(err)
		}
		for key, records := range event.Records {
			value, err := decodeValue(records[0].Value)
			if err != nil || len(records) != 1 {
				t.Fatalf("%v in %s", err, line)
			}
			short = append(short, fmt.Sprintf("%s:%s %s %d", strings.TrimPrefix(key, "events-"), value,
				l.RequestContext.Condition, l.RequestContext.ApproximateInvokeCount))
		}
		full = append(full, l)
	}
	return short, full
}

func TestRecordThatTheDestinationRefusesIsNotDone(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "poison")
	var out destination
	out.refuse.Store(1 << 30)
	cfg := b.config()
	cfg.Provisioned = &Provisioned{MaximumRetryAttempts: new(0), OnFailure: &out}
	stop := start(t, cfg, &function{answer: failOn("poison")})
	eventually(t, func() bool { return out.refuse.Load() < 1<<30-2 }, func() string { return "it was not tried again" })
	stop()
	if got := b.committed(t); got != "" {
		t.Errorf("committed %q", got)
	}
	out.refuse.Store(1)
	start(t, cfg, &function{answer: failOn("poison")})
	b.awaitCommitted(t, "0:1")
	short, _ := out.lines(t)
	if diff := cmp.Diff([]string{"0:poison RetriesExhausted 1"}, short); diff != "" {
		t.Error(diff)
	}
}

func TestRecordsOverTheirAgeAreDiscardedAndNotSent(t *testing.T) {
	b := newBroker(t, 1)
	old := time.Now().Add(-2 * time.Minute)
	b.putRecords(t,
		&kgo.Record{Value: []byte("old"), Timestamp: old}, &kgo.Record{Value: []byte("young")},
		&kgo.Record{Value: []byte("older"), Timestamp: old.Add(-time.Hour)},
	)
	var out destination
	f := &function{}
	cfg := b.config()
	cfg.Provisioned = &Provisioned{MaximumRecordAge: time.Minute, OnFailure: &out}
	start(t, cfg, f)
	b.awaitCommitted(t, "0:3")
	if diff := cmp.Diff([]string{"0:young"}, f.seen()); diff != "" {
		t.Error(diff)
	}
	short, full := out.lines(t)
	if diff := cmp.Diff([]string{"0:old RecordAgeExceeded 0", "0:older RecordAgeExceeded 0"}, short); diff != "" {
		t.Error(diff)
	}
	if full[0].ResponseContext != nil {
		t.Error("there is a response to no invocation")
	}
}

func TestRecordThatGrowsTooOldWhileItIsRetriedIsDiscarded(t *testing.T) {
	b := newBroker(t, 1)
	b.putRecords(t, &kgo.Record{Value: []byte("poison"), Timestamp: time.Now().Add(-time.Minute + 300*time.Millisecond)})
	var out destination
	f := &function{answer: failOn("poison")}
	cfg := b.config()
	cfg.Provisioned = &Provisioned{MaximumRecordAge: time.Minute, MaximumRetryAttempts: new(10_000), OnFailure: &out}
	start(t, cfg, f)
	b.awaitCommitted(t, "0:1")
	short, _ := out.lines(t)
	if len(short) != 1 || !strings.HasPrefix(short[0], "0:poison RecordAgeExceeded ") || len(f.seen()) < 2 {
		t.Errorf("discarded %q after %d invocations", short, len(f.seen()))
	}
}

func TestRecordThatNoInvocationCanCarryGoesToTheOnFailureDestination(t *testing.T) {
	b := newBroker(t, 1)
	large := strings.Repeat("x", 3000)
	b.put(t, 0, "a", large, "b")
	var out destination
	cfg := b.config()
	cfg.MaxPayloadBytes = 2500
	cfg.Provisioned = &Provisioned{OnFailure: &out}
	f := &function{}
	start(t, cfg, f)
	b.awaitCommitted(t, "0:3")
	short, full := out.lines(t)
	if diff := cmp.Diff([]string{"0:" + large + " MaximumPayloadSizeExceeded 0"}, short); diff != "" {
		t.Error(diff)
	}
	if full[0].ResponseContext != nil {
		t.Error("there is a response to no invocation")
	}
	if diff := cmp.Diff([]string{"0:a", "0:b"}, f.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestRecordOfAnInvocationThatWasBrokenOffIsNotDiscarded(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a")
	var out destination
	running := make(chan struct{})
	f := &function{answer: func(ctx context.Context, _ string) (string, error) {
		close(running)
		<-ctx.Done()
		return "", ctx.Err()
	}}
	cfg := b.config()
	cfg.ShutdownGrace = time.Millisecond
	cfg.Provisioned = &Provisioned{MaximumRetryAttempts: new(0), OnFailure: &out}
	stop := start(t, cfg, f)
	within(t, running, "the invocation")
	stop()
	if short, _ := out.lines(t); len(short) > 0 {
		t.Errorf("discarded %q", short)
	}
}
