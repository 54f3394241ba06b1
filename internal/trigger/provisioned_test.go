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
