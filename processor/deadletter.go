package processor

import (
	"slices"
	"strconv"
	"time"

	"event-processing-service/internal/event"
)

// The headers that a dead letter has on top of those of the original record.
const (
	headerTopic     = "dlq-original-topic"
	headerPartition = "dlq-original-partition"
	headerOffset    = "dlq-original-offset"
	headerTimestamp = "dlq-original-timestamp" // milliseconds since 1970 in UTC; -1: none, as in Kafka
	headerError     = "dlq-error"              // the last error, shortened
	headerAttempts  = "dlq-attempts"           // how often the handler was called
	headerFailedAt  = "dlq-failed-at"          // RFC 3339
	headerHops      = "dlq-hops"               // how often the event has come to the dead letter topic, this time included
)

var deadLetterHeaders = []string{headerTopic, headerPartition, headerOffset, headerTimestamp, headerError, headerAttempts, headerFailedAt, headerHops}

type failure struct {
	err      string
	attempts int
	at       time.Time
}

// newDeadLetter returns the record for the dead letter topic: key, value and headers of r byte for byte, then the headers
// above. Those that r has from an earlier time in the dead letter topic are replaced, except where it first came from.
func newDeadLetter(r *event.Record, topic string, f failure) event.Record {
	from := origin(r)
	timestamp := int64(-1)
	if !from.Timestamp.IsZero() {
		timestamp = from.Timestamp.UnixMilli()
	}
	headers := make([]event.Header, 0, len(r.Headers)+len(deadLetterHeaders))
	for _, h := range r.Headers {
		if !slices.Contains(deadLetterHeaders, h.Key) {
			headers = append(headers, h)
		}
	}
	add := func(key, value string) { headers = append(headers, event.Header{Key: key, Value: []byte(value)}) }
	add(headerTopic, from.Topic)
	add(headerPartition, strconv.FormatInt(int64(from.Partition), 10))
	add(headerOffset, strconv.FormatInt(from.Offset, 10))
	add(headerTimestamp, strconv.FormatInt(timestamp, 10))
	add(headerError, event.Shorten(f.err))
	add(headerAttempts, strconv.Itoa(f.attempts))
	add(headerFailedAt, f.at.UTC().Format(time.RFC3339Nano))
	add(headerHops, strconv.Itoa(hops(r)+1))
	return event.Record{Topic: topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: headers}
}

// hops tells how often the record has been in the dead letter topic: 0 unless it was replayed.
func hops(r *event.Record) int {
	value := lastHeader(r, headerHops)
	if value == "" {
		return 0 // as almost all records: no need to make an error of it
	}
	n, err := strconv.ParseInt(value, 10, 31)
	if err != nil || n < 0 {
		return 0 // somebody else's header
	}
	return int(n)
}

// origin returns r as it was before its first failure: a replayed record lies elsewhere, but an event whose id is made of
// its position must keep it, or its second replay would be another event.
func origin(r *event.Record) event.Record {
	o := *r
	if hops(r) == 0 {
		return o
	}
	topic := lastHeader(r, headerTopic)
	partition, err1 := strconv.ParseInt(lastHeader(r, headerPartition), 10, 32)
	offset, err2 := strconv.ParseInt(lastHeader(r, headerOffset), 10, 64)
	ms, err3 := strconv.ParseInt(lastHeader(r, headerTimestamp), 10, 64)
	if topic == "" || err1 != nil || err2 != nil || err3 != nil {
		return o
	}
	o.Topic, o.Partition, o.Offset, o.Timestamp = topic, int32(partition), offset, time.Time{}
	if ms >= 0 {
		o.Timestamp = time.UnixMilli(ms)
	}
	return o
}

func lastHeader(r *event.Record, key string) string {
	for _, h := range slices.Backward(r.Headers) {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
