package processor

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

func original() event.Record {
	return event.Record{
		Place: event.Place{Topic: "events", Partition: 2, Offset: 7}, Timestamp: time.UnixMilli(1_700_000_000_123),
		Key: []byte{0xff, 0}, Value: []byte("{\"n\": 1 }"),
		Headers: []event.Header{
			{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte("1")},
			{Key: "ce_source", Value: []byte("/test")}, {Key: "ce_type", Value: []byte("t")},
			{Key: "again", Value: []byte("x")}, {Key: "again", Value: nil},
		},
	}
}

func lettered(r event.Record) event.Record {
	return newDeadLetter(&r, "events.dlq", failure{err: "no", attempts: 5, at: time.UnixMilli(1_700_000_009_000)})
}

func headersNamed(r event.Record, names ...string) []string {
	var got []string
	for _, name := range names {
		got = append(got, lastHeader(&r, name))
	}
	return got
}

func TestAReplayedRecordIsTheOriginalWithItsPlaceAndItsHops(t *testing.T) {
	r := original()
	letter := lettered(r)
	again, ok := Replay(&letter)
	if !ok {
		t.Fatal("the letter is not read")
	}
	want := event.Record{Place: event.Place{Topic: "events"}, Key: r.Key, Value: r.Value,
		Headers: append(r.Headers[:len(r.Headers):len(r.Headers)],
			event.Header{Key: "dlq-original-topic", Value: []byte("events")},
			event.Header{Key: "dlq-original-partition", Value: []byte("2")},
			event.Header{Key: "dlq-original-offset", Value: []byte("7")},
			event.Header{Key: "dlq-original-timestamp", Value: []byte("1700000000123")},
			event.Header{Key: "dlq-hops", Value: []byte("1")},
			event.Header{Key: "dlq-version", Value: []byte("2")})}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Error(diff)
	}
}

func TestEachReturnToTheDeadLetterTopicIsCounted(t *testing.T) {
	letter := lettered(original())
	for want := 1; want <= 3; want++ {
		d, ok := ReadDeadLetter(&letter)
		if !ok || d.Hops != want || d.Origin.Offset != 7 || d.Attempts != 5 || d.Error != "no" {
			t.Fatalf("after %d failures: %+v, %v", want, d, ok)
		}
		again, _ := Replay(&letter)
		again.Partition, again.Offset = 0, int64(100*want) // the place of the replay
		letter = lettered(again)
	}
}

func TestARecordThatTheProcessorDidNotWriteIsNotReplayed(t *testing.T) {
	r := original()
	if _, ok := Replay(&r); ok {
		t.Error("a record without dead letter headers was taken for a dead letter")
	}
}

func TestACopyOfARecordWithAnIdentityIsTheRecord(t *testing.T) {
	r := original()
	if diff := cmp.Diff(event.Record{Place: event.Place{Topic: "events"}, Key: r.Key, Value: r.Value, Headers: r.Headers},
		Copy(&r, Everybody)); diff != "" {
		t.Error(diff)
	}
}

func TestACopyOfARecordWhoseIDIsItsPlaceStaysTheSameEvent(t *testing.T) {
	for name, r := range map[string]event.Record{
		"foreign": {Place: event.Place{Topic: "events", Partition: 1, Offset: 3}, Value: []byte("hello")},
		"undecodable": {Place: event.Place{Topic: "events", Partition: 1, Offset: 3},
			Headers: []event.Header{{Key: "ce_id", Value: nil}}},
	} {
		copied := Copy(&r, Everybody)
		copied.Partition, copied.Offset = 0, 99
		if from := origin(&copied); from.String() != "events/1/3" {
			t.Errorf("%s: the copy is known as %s", name, from.Place)
		}
		if got := headersNamed(copied, "dlq-hops", "dlq-error"); got[0] != "1" || got[1] != "" {
			t.Errorf("%s: headers %q", name, got)
		}
	}
}
