package processor

import (
	"slices"
	"strconv"
	"time"

	"event-processing-service/internal/event"
)

// DeadLetter is what the headers of a record in the dead letter topic say.
type DeadLetter struct {
	Origin   event.Record // where it first came from: topic, partition, offset, timestamp; nothing else is set
	Error    string       // the last error
	Attempts int          // how often the handler was called; 0: it was no event at all
	FailedAt time.Time
	Hops     int // how often it has come to the dead letter topic
}

// ReadDeadLetter reads the headers. It returns false for a record that the processor did not write: a stranger's, of which
// nobody knows where it belongs.
func ReadDeadLetter(r *event.Record) (DeadLetter, bool) {
	from := origin(r)
	d := DeadLetter{
		Origin: event.Record{Topic: from.Topic, Partition: from.Partition, Offset: from.Offset, Timestamp: from.Timestamp},
		Error:  lastHeader(r, headerError),
		Hops:   hops(r),
	}
	if d.Hops == 0 || lastHeader(r, headerTopic) == "" {
		return DeadLetter{}, false
	}
	d.Attempts, _ = strconv.Atoi(lastHeader(r, headerAttempts))                 // 0 is what it would say
	d.FailedAt, _ = time.Parse(time.RFC3339Nano, lastHeader(r, headerFailedAt)) // the zero time likewise
	return d, true
}

// Replay returns the record that brings a dead letter back to its topic: key, value and headers as they first came. What
// it keeps of the dead letter's headers is where it first lay, as that may be its identity, and the hops, by which the
// processor tells a new try from a redelivery of the old one. Made twice of one letter, both are the same try, so it
// takes effect once. It returns false for a record that ReadDeadLetter does not read.
func Replay(letter *event.Record) (event.Record, bool) {
	d, ok := ReadDeadLetter(letter)
	if !ok {
		return event.Record{}, false
	}
	r := event.Record{Topic: d.Origin.Topic, Key: letter.Key, Value: letter.Value}
	r.Headers = slices.DeleteFunc(slices.Clone(letter.Headers), func(h event.Header) bool {
		return h.Key == headerError || h.Key == headerAttempts || h.Key == headerFailedAt
	})
	return r, true
}

// Copy returns the record for a repetition of its topic, or a part of it: as it is. Only a record whose identity is made of
// its position gets the position along in headers, as one that was dead-lettered there, because elsewhere it would be
// another event.
func Copy(r *event.Record) event.Record {
	if e, err := event.FromRecord(r); hops(r) > 0 || err == nil && e.ID != r.Position() {
		return event.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	letter := newDeadLetter(r, "", failure{})
	copied, _ := Replay(&letter) // it has all that Replay asks for
	return copied
}
