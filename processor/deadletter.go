package processor

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"event-processing-service/internal/event"
)

// The headers that a dead letter has besides those of the original record.
const (
	headerTopic     = "dlq-original-topic"
	headerPartition = "dlq-original-partition"
	headerOffset    = "dlq-original-offset"
	headerTimestamp = "dlq-original-timestamp" // milliseconds since 1970 in UTC; -1: none, as in Kafka
	headerError     = "dlq-error"              // the last error, shortened
	headerAttempts  = "dlq-attempts"           // how often the handler was called
	headerFailedAt  = "dlq-failed-at"          // RFC 3339
	headerHops      = "dlq-hops"               // how often the event has come to the dead letter topic, this time included
	headerVersion   = "dlq-version"            // identityVersion
	headerOmitted   = "dlq-omitted"            // what of the record the letter lacks: "value" or "key, value, headers"
	headerProcessor = "dlq-processor"          // whose letter it is, and so whose replay. Absent: the first processor's
)

var deadLetterHeaders = []string{
	headerTopic, headerPartition, headerOffset, headerTimestamp, headerError, headerAttempts, headerFailedAt, headerHops,
	headerVersion, headerOmitted, headerProcessor,
}

// Everybody is the addressee of a record that is for all processors.
const Everybody = "*"

type failure struct {
	err       string
	attempts  int
	at        time.Time
	processor string // the processor that gave it up
}

// newDeadLetter returns the record for the dead letter topic: key, value and headers of r byte for byte, then the
// headers above. If r was a dead letter before, those are replaced, except for the place where it first came from.
func newDeadLetter(r *event.Record, topic string, f failure) event.Record {
	headers := make([]event.Header, 0, len(r.Headers)+len(deadLetterHeaders))
	for _, h := range r.Headers {
		if !slices.Contains(deadLetterHeaders, h.Key) {
			headers = append(headers, h)
		}
	}
	add := func(key, value string) { headers = append(headers, event.Header{Key: key, Value: []byte(value)}) }
	headers = appendOrigin(headers, r)
	add(headerError, event.Shorten(f.err))
	add(headerAttempts, strconv.Itoa(f.attempts))
	add(headerFailedAt, f.at.UTC().Format(time.RFC3339Nano))
	add(headerHops, strconv.Itoa(min(hops(r)+1, maxHops)))
	if !isOldLetter(r) {
		add(headerVersion, identityVersion)
	}
	if f.processor != "" {
		add(headerProcessor, f.processor)
	}
	at := event.Place{Topic: topic, Partition: r.Partition}
	return event.Record{Place: at, Key: r.Key, Value: r.Value, Headers: headers}
}

// appendOrigin appends where r first came from.
func appendOrigin(headers []event.Header, r *event.Record) []event.Header {
	from := origin(r)
	timestamp := int64(-1)
	if !from.Timestamp.IsZero() {
		timestamp = from.Timestamp.UnixMilli()
	}
	return append(headers,
		event.Header{Key: headerTopic, Value: []byte(from.Topic)},
		event.Header{Key: headerPartition, Value: strconv.AppendInt(nil, int64(from.Partition), 10)},
		event.Header{Key: headerOffset, Value: strconv.AppendInt(nil, from.Offset, 10)},
		event.Header{Key: headerTimestamp, Value: strconv.AppendInt(nil, timestamp, 10)})
}

// maxHops bounds the value of the header. People replay letters one by one, and the tool refuses after three times
// unless told otherwise, so a larger number is forged: with it, the processor would drop the event's true replays as
// old ones. A letter never has a larger number, so that it can always be read as a letter.
const maxHops = 100

// omitValue removes the value of a letter that is too large. The letter still says where the record is.
func omitValue(letter *event.Record) {
	letter.Value = nil
	letter.Headers = append(letter.Headers, event.Header{Key: headerOmitted, Value: []byte("value")})
}

// omitAll removes key, value and headers, for a record whose key or headers are too large.
func omitAll(letter *event.Record) {
	letter.Key, letter.Value = nil, nil
	letter.Headers = slices.DeleteFunc(letter.Headers, func(h event.Header) bool {
		return !slices.Contains(deadLetterHeaders, h.Key) || h.Key == headerOmitted
	})
	letter.Headers = append(letter.Headers, event.Header{Key: headerOmitted, Value: []byte("key, value, headers")})
}

// hops tells how often the record has been in the dead letter topic: 0 unless it was replayed. The header alone proves
// nothing, because other systems that write to the topic may use the same name. A replay also says where it first came
// from.
func hops(r *event.Record) int {
	n, _, _ := returned(r)
	return n
}

// addressee is the processor that a record is for: a replay is for the processor that wrote the letter, and a copy for
// the processor that the operator named. Any other record is for Everybody, whatever a header of it says by itself.
func addressee(r *event.Record) string {
	n, from, _ := returned(r)
	if from.Topic == "" {
		return Everybody
	}
	name := lastHeader(r, headerProcessor)
	if name == "" && n == 0 {
		return Everybody
	}
	return name
}

// origin returns r with its first place and timestamp. A replay has another place, but if the event's id is made of
// its place, it must stay the same.
func origin(r *event.Record) event.Record {
	o := *r
	if n, place, timestamp := returned(r); n > 0 {
		o.Place, o.Timestamp = place, timestamp
	}
	return o
}

// returned reads the headers of a letter, of its replay, or of a copy for one processor: how often it was a letter, and
// where it first came from. A copy was a letter 0 times. If one of the headers is missing or wrong, returned returns 0
// and no place.
func returned(r *event.Record) (n int, from event.Place, timestamp time.Time) {
	value := lastHeader(r, headerHops)
	if value == "" {
		return 0, from, timestamp // the usual case: don't read the others
	}
	times, err1 := strconv.ParseInt(value, 10, 31)
	topic := lastHeader(r, headerTopic)
	partition, err2 := strconv.ParseInt(lastHeader(r, headerPartition), 10, 32)
	offset, err3 := strconv.ParseInt(lastHeader(r, headerOffset), 10, 64)
	ms, err4 := strconv.ParseInt(lastHeader(r, headerTimestamp), 10, 64)
	if cmp.Or(err1, err2, err3, err4) != nil || times < 0 || times > maxHops || topic == "" {
		return 0, from, timestamp
	}
	if ms >= 0 {
		timestamp = time.UnixMilli(ms)
	}
	return int(times), event.Place{Topic: topic, Partition: int32(partition), Offset: offset}, timestamp
}

func lastHeader(r *event.Record, key string) string {
	for _, h := range slices.Backward(r.Headers) {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
