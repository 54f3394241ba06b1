package processor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/telemetry"
)

func TestAnEventWithoutAHandlerIsRecordedOnce(t *testing.T) {
	for name, given := range map[string]struct{ json, source, id string }{
		"a payload of MSK":       {samplePayload(t, "msk.json"), "/kafka/AWSKafkaTopic", "AWSKafkaTopic/0/0@1595035749700"},
		"a hand-written payload": {samplePayload(t, "hand-written.json"), "/kafka/events", "events/0/1@1640995200000"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			for range 2 {
				if _, err := payload.Function(r.build(t).Handle).Invoke(t.Context(), []byte(given.json)); err != nil {
					t.Fatal(err)
				}
			}
			if o := r.outcome(t, given.source, given.id); o.Status != event.StatusProcessed || o.Attempts != 1 {
				t.Errorf("outcome is %+v, want processed at the first attempt", o)
			}
			if n := r.dead.Len(); n != 0 {
				t.Errorf("%d dead letters, want none", n)
			}
		})
	}
}

func TestASuccessIsAnEmptyListOfFailures(t *testing.T) {
	for _, text := range []string{`{}`, `{"records":{}}`, `{"records":{"events-0":[]}}`,
		samplePayload(t, "hand-written.json")} {
		answer, err := payload.Function(newRig().build(t).Handle).Invoke(t.Context(), []byte(text))
		if err != nil || string(answer) != `{"batchItemFailures":[]}` {
			t.Errorf("the answer to %s is %s, %v", text, answer, err)
		}
	}
}

func TestAPartialResponseNamesTheFirstFailureOfAPartitionAndAllBehindIt(t *testing.T) {
	r := newRig()
	r.cfg.PartialBatchResponse = true
	r.dead.fail = func(event.Record) error { return errNo }
	r.mux.HandleFunc("bad", func(context.Context, event.Event) error { return Permanent(errNo) })
	in := events.KafkaEvent{Records: map[string][]events.KafkaRecord{
		"events-2": {record(7, "a", "2/7", "good")},
		// put together by hand
		"events-1": {record(43, "b", "1/43", "good"), record(41, "a", "1/41", "good"), record(42, "a", "1/42", "bad")},
		"events-0": {record(1, "a", "0/1", "bad"), record(2, "b", "0/2", "good")},
	}}
	answer, err := payload.Function(r.build(t).Handle).Invoke(t.Context(), payloadOf(in))
	const want = `{"batchItemFailures":[` +
		`{"itemIdentifier":{"partition":"events-0","offset":1}},{"itemIdentifier":{"partition":"events-0","offset":2}},` +
		`{"itemIdentifier":{"partition":"events-1","offset":42}},{"itemIdentifier":{"partition":"events-1","offset":43}}]}`
	if err != nil || string(answer) != want {
		t.Errorf("the answer is %s, %v; want\n%s", answer, err, want)
	}
	if o := r.outcome(t, "/test", "1/43"); o.Status != event.StatusProcessed {
		t.Errorf("the event of another key behind the failure is %q, want processed", o.Status)
	}
}

func TestEventsOfOneKeyRunInOrderAndDifferentKeysSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.Concurrency = 10
		var mu sync.Mutex
		var running, most int
		seen := map[string][]string{}
		r.mux.HandleFunc("slow", func(_ context.Context, e event.Event) error {
			key, _, _ := strings.Cut(e.ID, "/")
			mu.Lock()
			seen[key] = append(seen[key], e.ID)
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second / 2) // too short for others to begin meanwhile
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		})
		var records []events.KafkaRecord
		want := map[string][]string{}
		for offset := range int64(60) {
			key := fmt.Sprint(offset % 20)
			id := fmt.Sprintf("%s/%d", key, offset)
			records = append(records, record(offset, key, id, "slow"))
			want[key] = append(want[key], id)
		}
		start := time.Now()
		if _, err := r.deliver(t.Context(), t, batchOf(records...)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if took := time.Since(start); most != 10 || took != 3*time.Second {
			t.Errorf("at most %d at once, in %s; want 10, and 30 s of work in 3 s", most, took)
		}
	})
}

func TestEventsWithoutAKeyDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.store = slowStore{r.mem}
		var records []events.KafkaRecord
		for offset := range int64(200) {
			records = append(records, record(offset, "", fmt.Sprint(offset), "any"))
		}
		start := time.Now()
		if _, err := r.deliver(t.Context(), t, batchOf(records...)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("200 writes of 5 ms took %s, want 64 at once: 20 ms", took)
		}
	})
}

func TestEachEventIsOneLineOfTheLog(t *testing.T) {
	var out bytes.Buffer
	r := newRig()
	r.log = telemetry.NewLogger(&out, nil)
	r.mux.HandleFunc("bad", func(context.Context, event.Event) error { return Permanent(errNo) })
	good := record(1, "k", "1", "good")
	good.Headers = append(good.Headers, map[string]events.JSONNumberBytes{"X-Request-ID": []byte("req-1")})
	if _, err := r.deliver(t.Context(), t, batchOf(good, good, record(2, "k", "2", "bad"))); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), `\"n\"`) {
		t.Errorf("the log has data of an event:\n%s", &out)
	}
	var got []map[string]any
	for line := range strings.Lines(out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if took, ok := fields["duration_ms"].(float64); !ok || took < 0 {
			t.Errorf("duration is %v, want milliseconds", fields["duration_ms"])
		}
		delete(fields, "duration_ms")
		delete(fields, "time")
		got = append(got, fields)
	}
	line := func(offset, attempts float64, msg string) map[string]any {
		return map[string]any{
			"level": "INFO", "msg": msg, "event_id": fmt.Sprint(offset), "event_source": "/test", "topic": "events",
			"partition": 0.0, "offset": offset, "attempts": attempts, "event_type": "good", "request_id": "req-1",
		}
	}
	bad := line(2, 1, "event dead-lettered")
	bad["level"], bad["event_type"], bad["error"] = "WARN", "bad", "no"
	bad["letter_topic"], bad["letter_partition"], bad["letter_offset"] = "events.dlq", 2.0, 0.0
	delete(bad, "request_id")
	if diff := cmp.Diff([]map[string]any{line(1, 1, "event processed"), line(1, 0, "event already done"), bad},
		got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
