package trigger

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

func responseBatch() []*kgo.Record {
	return []*kgo.Record{
		{Topic: "events", Partition: 0, Offset: 41}, {Topic: "events", Partition: 0, Offset: 42},
		{Topic: "events", Partition: 1, Offset: 41},
	}
}

func failuresOf(items ...string) string {
	return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`
}

func TestPartialResponseNamesFailedRecords(t *testing.T) {
	batch := responseBatch()
	for name, tc := range map[string]struct {
		response string
		want     []*kgo.Record
	}{
		"no bytes":      {"", nil},
		"null":          {"null", nil},
		"empty object":  {" {} ", nil},
		"empty list":    {failuresOf(), nil},
		"null list":     {`{"batchItemFailures":null}`, nil},
		"other members": {`{"processed":3}`, nil},
		"one":           {failuresOf(`{"itemIdentifier":{"partition":"events-0","offset":42}}`), batch[1:2]},
		"same offset":   {failuresOf(`{"itemIdentifier":{"partition":"events-1","offset":41}}`), batch[2:]},
		"named twice": {failuresOf(`{"itemIdentifier":{"partition":"events-0","offset":42}}`,
			`{"itemIdentifier":{"partition":"events-0","offset":42}}`), batch[1:2]},
		"any order": {failuresOf(`{"itemIdentifier":{"partition":"events-1","offset":41}}`,
			`{"itemIdentifier":{"partition":"events-0","offset":42}}`), batch[1:]},
		"unknown member": {failuresOf(`{"itemIdentifier":{"partition":"events-0","offset":42,"x":1},"y":2}`), batch[1:2]},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := failedRecords([]byte(tc.response), batch)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain(tc.want), plain(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPartialResponseThatIsWrongFailsTheWholeBatch(t *testing.T) {
	batch := append(responseBatch(), &kgo.Record{Topic: "events", Partition: 2, Offset: 0})
	for name, response := range map[string]string{
		"not JSON":            `oops`,
		"cut off":             `{"batchItemFailures":[`,
		"a string":            `"failed"`,
		"not a list":          `{"batchItemFailures":{}}`,
		"no identifier":       failuresOf(`{}`),
		"null identifier":     failuresOf(`{"itemIdentifier":null}`),
		"the form of SQS":     failuresOf(`{"itemIdentifier":"events-0-42"}`),
		"no offset":           failuresOf(`{"itemIdentifier":{"partition":"events-0"}}`),
		"null offset":         failuresOf(`{"itemIdentifier":{"partition":"events-2","offset":null}}`),
		"offset as string":    failuresOf(`{"itemIdentifier":{"partition":"events-0","offset":"42"}}`),
		"wrong case":          failuresOf(`{"ItemIdentifier":{"partition":"events-0","offset":42}}`),
		"partition as number": failuresOf(`{"itemIdentifier":{"partition":0,"offset":42}}`),
		"not in the batch":    failuresOf(`{"itemIdentifier":{"partition":"events-0","offset":43}}`),
		"another partition":   failuresOf(`{"itemIdentifier":{"partition":"events-2","offset":42}}`),
		"one right, one wrong": failuresOf(`{"itemIdentifier":{"partition":"events-0","offset":42}}`,
			`{"itemIdentifier":{"partition":"events-9","offset":1}}`),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := failedRecords([]byte(response), batch)
			if err == nil || len(got) != len(batch) {
				t.Errorf("got %d records, %v", len(got), err)
			}
		})
	}
}

func FuzzPartialResponseFailsAllOrWhatItNames(f *testing.F) {
	f.Add(`{"batchItemFailures":[{"itemIdentifier":{"partition":"events-0","offset":42}}]}`)
	f.Add(`null`)
	f.Add(`{"batchItemFailures":[{}]}`)
	f.Fuzz(func(t *testing.T, response string) {
		batch := responseBatch()
		got, err := failedRecords([]byte(response), batch)
		if err != nil && len(got) != len(batch) {
			t.Errorf("%q: %v, but only %d records failed", response, err, len(got))
		}
		if err == nil && len(got) > 0 && !strings.Contains(response, "41") && !strings.Contains(response, "42") {
			t.Errorf("%q fails %d records without their offsets", response, len(got))
		}
	})
}

func failure(partition int, offset int64) string {
	return fmt.Sprintf(`{"itemIdentifier":{"partition":"events-%d","offset":%d}}`, partition, offset)
}

func TestPartialResponseRetriesOnlyWhatFailedAndCommitsUpToIt(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b", "c", "d")
	retried, release := make(chan struct{}), make(chan struct{})
	f := &function{}
	f.answer = func(_ context.Context, batch string) (string, error) {
		switch batch {
		case "0:a b c d":
			return failuresOf(failure(0, 3), failure(0, 1)), nil
		case "0:b d":
			close(retried)
			<-release
		}
		return "{}", nil
	}
	cfg := b.config()
	cfg.BatchSize, cfg.BatchWindow, cfg.ReportBatchItemFailures = 4, time.Minute, true
	start(t, cfg, f)
	within(t, retried, "the retry of the failed records")
	b.awaitCommitted(t, "0:1")
	close(release)
	b.awaitCommitted(t, "0:4")
	if diff := cmp.Diff([]string{"0:a b c d", "0:b d"}, f.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestPartialResponseIsIgnoredUnlessItIsEnabled(t *testing.T) {
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
	cfg.ReportBatchItemFailures = true
	start(t, cfg, f)
	b.awaitCommitted(t, "0:2")
	if diff := cmp.Diff([]string{"0:a b", "0:a b"}, f.seen()); diff != "" {
		t.Error(diff)
	}
}
