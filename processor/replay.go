package processor

import (
	"slices"
	"strconv"
	"time"

	"event-processing-service/internal/event"
)

// DeadLetter is what the headers of a record in the dead letter topic say.
type DeadLetter struct {
	Origin    event.Record // where it first came from: topic, partition, offset, timestamp; nothing else is set
	Error     string       // the last error
	Attempts  int          // how often the handler was called; 0: it was not an event at all
	FailedAt  time.Time
	Hops      int    // how often it has come to the dead letter topic
	Processor string // that wrote it. "": the first
	Omitted   string // what it lacks of a record that was too large; the record itself is at Origin. "": nothing
}

// ReadDeadLetter reads the headers. It returns false for a record that the processor did not write, because nothing
// says where such a record belongs.
func ReadDeadLetter(r *event.Record) (DeadLetter, bool) {
	from := origin(r)
	d := DeadLetter{
		Origin: event.Record{Place: from.Place, Timestamp: from.Timestamp},
		Error:  lastHeader(r, headerError),
		Hops:   hops(r), Omitted: lastHeader(r, headerOmitted), Processor: lastHeader(r, headerProcessor),
	}
	if d.Hops == 0 {
		return DeadLetter{}, false
	}
	d.Attempts, _ = strconv.Atoi(lastHeader(r, headerAttempts))                 // 0 if it is missing
	d.FailedAt, _ = time.Parse(time.RFC3339Nano, lastHeader(r, headerFailedAt)) // the zero time if it is missing
	return d, true
}

// Replay returns the record that brings a dead letter back to its topic, with the original key, value and headers. It
// keeps some of the dead letter's headers: the first place, which may be the event's id; the hops, by which the
// processor tells a new try from a redelivery of the old one; and the processor, which alone is to handle it. Two
// replays of one letter are the same try, so they take effect once. Replay returns false for a record that
// ReadDeadLetter does not read, and for a letter that lacks a part.
func Replay(letter *event.Record) (event.Record, bool) {
	d, ok := ReadDeadLetter(letter)
	if !ok || d.Omitted != "" {
		return event.Record{}, false
	}
	r := event.Record{Place: event.Place{Topic: d.Origin.Topic}, Key: letter.Key, Value: letter.Value}
	r.Headers = slices.DeleteFunc(slices.Clone(letter.Headers), func(h event.Header) bool {
		return h.Key == headerError || h.Key == headerAttempts || h.Key == headerFailedAt
	})
	return r, true
}

// Copy returns the record for repeating a topic, or a part of it, for one processor or for Everybody. If the event's
// id is made of its place, the copy has the place in headers, as if it had been a dead letter, because it would be
// another event otherwise. The copy of a replay stays for the processor of the replay, unless another is named.
func Copy(r *event.Record, processor string) event.Record {
	copied := event.Record{Place: event.Place{Topic: r.Topic}, Key: r.Key, Value: r.Value, Headers: r.Headers}
	if e, err := event.FromRecord(r); hops(r) == 0 && (err != nil || e.Source == event.ForeignSource(r.Topic)) {
		letter := newDeadLetter(r, "", failure{processor: processor})
		copied, _ = Replay(&letter) // it has all headers that Replay needs
		return copied
	}
	if processor != Everybody {
		copied.Headers = addressed(r, processor)
	}
	return copied
}

// addressed are the headers of r with a processor that r is for. They say where r first came from, and how often it was
// a letter, as those of a replay do: see addressee.
func addressed(r *event.Record, processor string) []event.Header {
	own := []string{headerTopic, headerPartition, headerOffset, headerTimestamp, headerHops, headerProcessor}
	headers := slices.DeleteFunc(slices.Clone(r.Headers), func(h event.Header) bool { return slices.Contains(own, h.Key) })
	headers = appendOrigin(headers, r)
	return append(headers, event.Header{Key: headerHops, Value: strconv.AppendInt(nil, int64(hops(r)), 10)},
		event.Header{Key: headerProcessor, Value: []byte(processor)})
}
