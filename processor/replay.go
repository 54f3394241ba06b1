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
	Processor string // whose it is. "": the first processor's
	Omitted   string // what it lacks of the record, which was too large: that is where Origin says. "": nothing
}

// ReadDeadLetter reads the headers. It returns false for a record that the processor did not write: nothing says where
// such a record belongs.
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
	d.Attempts, _ = strconv.Atoi(lastHeader(r, headerAttempts))                 // 0 is what it would say
	d.FailedAt, _ = time.Parse(time.RFC3339Nano, lastHeader(r, headerFailedAt)) // the zero time likewise
	return d, true
}

// Replay returns the record that brings a dead letter back to its topic: key, value and headers as they first came.
// What it keeps of the dead letter's headers is where it first lay, as that may be its identity, the hops, by which the
// processor tells a new try from a redelivery of the old one, and whose letter it is, as it is for that processor
// alone. Made twice of one letter, both are the same try, so it takes effect once. It returns false for a record that
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

// Copy returns the record for a repetition of its topic, or a part of it: as it is, for one processor, or Everybody.
// Only a record whose identity is made of its position gets the position along in headers, as one that was
// dead-lettered there, because elsewhere it would be another event. A replay stays that of the processor whose it was,
// unless one is named.
func Copy(r *event.Record, processor string) event.Record {
	copied := event.Record{Place: event.Place{Topic: r.Topic}, Key: r.Key, Value: r.Value, Headers: r.Headers}
	if e, err := event.FromRecord(r); hops(r) == 0 && (err != nil || e.Source == event.ForeignSource(r.Topic)) {
		letter := newDeadLetter(r, "", failure{processor: processor})
		copied, _ = Replay(&letter) // it has all that Replay asks for
		return copied
	}
	if processor != Everybody {
		copied.Headers = slices.DeleteFunc(slices.Clone(r.Headers),
			func(h event.Header) bool { return h.Key == headerProcessor })
		copied.Headers = append(copied.Headers, event.Header{Key: headerProcessor, Value: []byte(processor)})
	}
	return copied
}
