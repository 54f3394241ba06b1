package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
)

func TestReplayBringsTheBytesBackOnce(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"), deadLetter("b", "t"))
	must(t, "dlq", "replay", "--yes")
	_, says := must(t, "dlq", "replay", "--yes") // nothing is left for it
	if !strings.Contains(says, "0 replayed") {
		t.Errorf("the second run says %q", says)
	}
	got := b.records("events")
	if len(got) != 2 {
		t.Fatalf("%d records came back, want 2", len(got))
	}
	var headers []string
	for _, h := range got[0].Headers {
		headers = append(headers, h.Key)
	}
	if string(got[0].Key) != "key-a" || string(got[0].Value) != `{"id": "a" }` ||
		slices.Contains(headers, "dlq-error") || !slices.Contains(headers, "dlq-hops") {
		t.Errorf("key %q, value %q, headers %q", got[0].Key, got[0].Value, headers)
	}
	if pending := listed(t, "--pending"); pending != nil {
		t.Errorf("still pending: %q", pending)
	}
}

func TestReplayLeavesWhatAFilterLeavesOutForALaterRun(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"), deadLetter("b", "other"), deadLetter("c", "t"))
	must(t, "dlq", "replay", "--yes", "--type", "t")
	if diff := cmp.Diff([]string{"a", "c"}, b.ids("events")); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff([]string{"b", "c"}, listed(t, "--pending")); diff != "" {
		t.Errorf("the position is not before the letter that was skipped: %s", diff)
	}
	must(t, "dlq", "replay", "--yes")
	if diff := cmp.Diff([]string{"a", "c", "b", "c"}, b.ids("events")); diff != "" {
		t.Error(diff)
	}
}

func TestReplayGoesOnWhereOneThatFailedHalfWayWas(t *testing.T) {
	b := newBroker(t)
	for i := range 250 {
		b.put(deadLetter(fmt.Sprint(i), "t"))
	}
	// The second position is not written, as if the run had been killed between publishing and writing it.
	commits := 0
	b.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if commits++; commits != 2 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, topic := range req.(*kmsg.OffsetCommitRequest).Topics {
			answer := kmsg.OffsetCommitResponseTopic{Topic: topic.Topic, TopicID: topic.TopicID}
			for _, p := range topic.Partitions {
				answer.Partitions = append(answer.Partitions, kmsg.OffsetCommitResponseTopicPartition{
					Partition: p.Partition, ErrorCode: kerr.GroupAuthorizationFailed.Code,
				})
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return resp, nil, true
	})
	if _, _, err := eventctl(t, "dlq", "replay", "--yes"); err == nil {
		t.Fatal("the run whose position could not be written ended without an error")
	}
	must(t, "dlq", "replay", "--yes")
	count := map[string]int{}
	for _, id := range b.ids("events") {
		count[id]++
	}
	twice := 0
	for _, n := range count {
		if n > 1 {
			twice++
		}
	}
	if len(count) != 250 || twice != 100 {
		t.Errorf("%d letters came back, want 250; %d of them twice, want 100", len(count), twice)
	}
}

func TestReplayRefusesLoopsAndGoesOn(t *testing.T) {
	b := newBroker(t)
	stranger := &kgo.Record{Value: []byte("?")}
	b.put(deadLetter("often", "t", "dlq-hops", "4"), stranger, deadLetter("elsewhere", "t", "dlq-original-topic",
		"payments.internal"), deadLetter("b", "t", "dlq-hops", "3"))
	_, says := must(t, "dlq", "replay", "--yes")
	if diff := cmp.Diff([]string{"b"}, b.ids("events")); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"offset 0: it has failed 4 times", "offset 1: the processor did not write it",
		`offset 2: it came from topic "payments.internal"`} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say %q: %s", want, says)
		}
	}
	must(t, "dlq", "replay", "--yes", "--partition", "0", "--offset", "0", "--max-hops", "10")
	if diff := cmp.Diff([]string{"b", "often"}, b.ids("events")); diff != "" {
		t.Errorf("a letter that is named and allowed: %s", diff)
	}
}

func TestReplayEndsAfterMaxAndGoesOnFromThere(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"), deadLetter("b", "t"), deadLetter("c", "t"))
	must(t, "dlq", "replay", "--yes", "--max", "2")
	must(t, "dlq", "replay", "--yes", "--max", "2")
	if diff := cmp.Diff([]string{"a", "b", "c"}, b.ids("events")); diff != "" {
		t.Error(diff)
	}
}

func TestADryRunDoesNothing(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"))
	out, says := must(t, "dlq", "replay", "--yes", "--dry-run")
	if !strings.Contains(out, "key-a") || !strings.Contains(says, "1 would be replayed") {
		t.Errorf("it says %q and %q", out, says)
	}
	if got := b.ids("events"); got != nil {
		t.Errorf("it published %q", got)
	}
	if got := listed(t, "--pending"); len(got) != 1 {
		t.Errorf("it moved the position: pending are %q", got)
	}
}

func TestReplayKeepsItsRate(t *testing.T) {
	b := newBroker(t)
	for i := range 20 {
		b.put(deadLetter(fmt.Sprint(i), "t"))
	}
	start := time.Now()
	must(t, "dlq", "replay", "--yes", "--rate", "40")
	if took := time.Since(start); took < 400*time.Millisecond || took > 2*time.Second {
		t.Errorf("20 letters at 40 a second took %s", took)
	}
}

func TestARangeOfTheTopicIsPublishedAgainElsewhere(t *testing.T) {
	b := newBroker(t)
	at := time.Now().Add(-time.Hour)
	for i, id := range []string{"early", "in-range", "late"} {
		r := deadLetter(id, "t")
		r.Topic, r.Headers, r.Timestamp = "events", r.Headers[:5], at.Add(time.Duration(i)*time.Minute)
		b.put(r)
	}
	from, to := at.Add(30*time.Second).UTC().Format(time.RFC3339), at.Add(90*time.Second).UTC().Format(time.RFC3339)
	must(t, "replay", "--yes", "--from", from, "--to", to, "--to-topic", "recovery", "--dry-run")
	must(t, "replay", "--yes", "--from", from, "--to", to, "--to-topic", "recovery")
	if diff := cmp.Diff([]string{"in-range"}, b.ids("recovery")); diff != "" {
		t.Error(diff)
	}
}

func TestALetterThatTheProcessorWouldDropIsNotCountedAsReplayed(t *testing.T) {
	l := letter{says: processor.DeadLetter{Hops: 1}, identity: event.Identity{ID: "1", Source: "/s"}}
	for name, test := range map[string]struct {
		outcome event.Outcome
		known   bool
		err     error
		want    string
	}{
		"it is what the outcome tells of": {event.Outcome{Status: event.StatusDeadLettered}, true, nil, ""},
		"nothing is known":                {event.Outcome{}, false, nil, ""},
		"nobody can be asked":             {event.Outcome{}, false, errors.New("no right"), ""},
		"it was replayed with success": {event.Outcome{Status: event.StatusProcessed, Hops: 1}, true, nil,
			"processed since"},
		"a forged record came in between": {event.Outcome{Status: event.StatusDeadLettered, Hops: 100}, true, nil,
			"a later try"},
		"it was replayed, and failed anew": {event.Outcome{Status: event.StatusDeadLettered, Hops: 1}, true, nil,
			"a later try"},
		"a letter of the second try is next": {event.Outcome{Status: event.StatusDeadLettered, Hops: 0}, true, nil, ""},
	} {
		why := wouldBeDropped(t.Context(), &l, func(_ context.Context, id event.Identity) (event.Outcome, bool, error) {
			if id != l.identity {
				t.Errorf("asked for %+v", id)
			}
			return test.outcome, test.known, test.err
		})
		if !strings.Contains(why, test.want) || (why == "") != (test.want == "") {
			t.Errorf("%s: %q, want %q", name, why, test.want)
		}
	}
}

func TestReplayTellsNullFromEmpty(t *testing.T) {
	b := newBroker(t)
	for _, bytes := range [][2][]byte{{nil, nil}, {{}, {}}, {{}, nil}, {nil, {}}} {
		r := deadLetter("a", "t")
		r.Key, r.Value = bytes[0], bytes[1]
		b.put(r)
		b.put(&kgo.Record{Topic: "events", Key: bytes[0], Value: bytes[1], Headers: r.Headers})
	}
	must(t, "replay", "--yes", "--from", "1h", "--to-topic", "recovery")
	must(t, "dlq", "replay", "--yes", "--to-topic", "recovery")
	count := map[[2]bool]int{} // by whether key and value are null
	for _, r := range b.records("recovery") {
		count[[2]bool{r.Key == nil, r.Value == nil}]++
	}
	want := map[[2]bool]int{{true, true}: 2, {false, false}: 2, {false, true}: 2, {true, false}: 2}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
}
