package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

func failOn(words ...string) func(context.Context, string) (string, error) {
	return func(_ context.Context, batch string) (string, error) {
		for _, w := range words {
			if slices.Contains(strings.FieldsFunc(batch, func(r rune) bool { return strings.ContainsRune(":| ", r) }), w) {
				return "", errNo
			}
		}
		return "", nil
	}
}

func failure(partition int, offset int64) string {
	return fmt.Sprintf(`{"itemIdentifier":{"partition":"events-%d","offset":%d}}`, partition, offset)
}

func TestPartialResponseRetriesOnlyWhatFailedAndCommitsUpToIt(t *testing.T) {
	b := newBroker(t, 2)
	b.put(t, 0, "a", "b", "c", "d")
	b.put(t, 1, "x")
	retried, release := make(chan struct{}), make(chan struct{})
	f := &function{}
	f.answer = func(_ context.Context, batch string) (string, error) {
		switch batch {
		case "0:a b c d|1:x":
			return failuresOf(failure(0, 3), failure(0, 1)), nil
		case "0:b d":
			close(retried)
			<-release
		}
		return "{}", nil
	}
	cfg := b.config()
	cfg.BatchSize, cfg.BatchWindow, cfg.Concurrency = 5, time.Minute, 2
	cfg.Provisioned = &Provisioned{ReportBatchItemFailures: true}
	start(t, cfg, f)
	within(t, retried, "the retry of the failed records")
	b.awaitCommitted(t, "0:1 1:1")
	close(release)
	b.awaitCommitted(t, "0:4 1:1")
	if diff := cmp.Diff([]string{"0:a b c d|1:x", "0:b d"}, f.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestPartialResponseIsNotReadWhereItIsNotEnabled(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a")
	f := &function{answer: func(context.Context, string) (string, error) { return failuresOf(failure(0, 0)), nil }}
	start(t, b.config(), f)
	b.awaitCommitted(t, "0:1")
}

func TestPartialResponseThatNamesAForeignRecordRetriesTheWholeBatch(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b")
	var calls atomic.Int32
	f := &function{answer: func(context.Context, string) (string, error) {
		if calls.Add(1) == 1 {
			return failuresOf(failure(0, 1), failure(7, 0)), nil
		}
		return "", nil
	}}
	cfg := b.config()
	cfg.Provisioned = &Provisioned{ReportBatchItemFailures: true}
	start(t, cfg, f)
	b.awaitCommitted(t, "0:2")
	if diff := cmp.Diff([]string{"0:a b", "0:a b"}, f.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestBisectIsolatesThePoison(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b", "c", "d", "e", "poison", "g", "h")
	var out destination
	f := &function{answer: failOn("poison")}
	cfg := b.config()
	cfg.BatchSize, cfg.BatchWindow = 8, time.Minute
	cfg.Provisioned = &Provisioned{
		BisectBatchOnFunctionError: true, MaximumRetryAttempts: new(2), OnFailure: &out,
	}
	start(t, cfg, f)
	b.awaitCommitted(t, "0:8")
	want := []string{
		"0:a b c d e poison g h",
		"0:a b c d", "0:e poison g h",
		"0:e poison", "0:e", "0:poison", "0:poison", "0:poison",
		"0:g h",
	}
	if diff := cmp.Diff(want, f.seen()); diff != "" {
		t.Error(diff)
	}
	short, _ := out.lines(t)
	if diff := cmp.Diff([]string{"0:poison RetriesExhausted 6"}, short); diff != "" {
		t.Error(diff)
	}
}

func TestRetryLimitDiscardsTheBatchIntoTheOnFailureDestination(t *testing.T) {
	b := newBroker(t, 1)
	at := time.UnixMilli(time.Now().UnixMilli())
	b.putRecords(t, &kgo.Record{Value: []byte("a"), Key: []byte("k"), Timestamp: at}, &kgo.Record{Value: []byte("poison")})
	b.put(t, 0, "c")
	var out destination
	f := &function{answer: failOn("poison")}
	cfg := b.config()
	cfg.BatchSize = 2
	cfg.Provisioned = &Provisioned{MaximumRetryAttempts: new(2), OnFailure: &out}
	start(t, cfg, f)
	b.awaitCommitted(t, "0:3")
	if diff := cmp.Diff([]string{"0:a poison", "0:a poison", "0:a poison", "0:c"}, f.seen()); diff != "" {
		t.Error(diff)
	}
	short, full := out.lines(t)
	if diff := cmp.Diff([]string{"0:a RetriesExhausted 3", "0:poison RetriesExhausted 3"}, short); diff != "" {
		t.Error(diff)
	}

	got := full[0]
	if got.RequestContext.RequestID == "" || got.Timestamp == "" {
		t.Errorf("got %+v", got)
	}
	payload := testSource.AppendPayload(nil, []*kgo.Record{{Topic: "events", Value: []byte("a"), Key: []byte("k"), Timestamp: at}})
	got.RequestContext.RequestID, got.Timestamp = "", ""
	want := discarded{
		RequestContext: requestContext{
			FunctionARN: "arn:aws:lambda:us-east-1:000000000000:function:processor",
			Condition:   conditionRetries, ApproximateInvokeCount: 3,
		},
		ResponseContext: &responseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"},
		Version:         "1.0",
		KafkaBatchInfo: kafkaBatchInfo{
			BatchSize: 1, EventSourceARN: testSource.EventSourceARN, BootstrapServers: testSource.BootstrapServers,
			PayloadSize: len(payload), RecordInfo: recordInfo{"0", at.UTC().Format(discardTime)},
		},
		Payload: payload,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRetryLimitCountsThePartialFailures(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "poison", "c")
	var out destination
	f := &function{answer: func(_ context.Context, batch string) (string, error) {
		if strings.Contains(batch, "poison") {
			return failuresOf(failure(0, 1)), nil
		}
		return "", nil
	}}
	cfg := b.config()
	cfg.Provisioned = &Provisioned{ReportBatchItemFailures: true, MaximumRetryAttempts: new(1), OnFailure: &out}
	start(t, cfg, f)
	b.awaitCommitted(t, "0:3")
	if diff := cmp.Diff([]string{"0:a poison c", "0:poison"}, f.seen()); diff != "" {
		t.Error(diff)
	}
	short, full := out.lines(t)
	if diff := cmp.Diff([]string{"0:poison RetriesExhausted 2"}, short); diff != "" {
		t.Error(diff)
	}
	if e := full[0].ResponseContext.FunctionError; e != "" {
		t.Errorf("functionError is %q for a function that answered", e)
	}
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
