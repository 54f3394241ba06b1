// Package payload is the protocol between AWS Lambda's event source mapping for Kafka and the function: a batch of
// records as one JSON object in, the records to deliver again out (AWS Lambda Developer Guide, "Using Lambda with
// Amazon MSK" and "… with self-managed Apache Kafka", example events, which differ in nothing that is read here).
//
// Parse gives what encoding/json makes of events.KafkaEvent of aws-lambda-go, in a tenth of the time and memory. That
// way a batch cost ten times what all the rest of its processing did: a map for each header, a list of numbers for each
// header's value, and all of it twice. Parse reads the payload in one pass, and the text of keys and values, which is
// most of it, stays where it is until the record's turn comes.
package payload

import (
	"encoding/base64"
	"time"

	"event-processing-service/internal/event"
)

// Batch is the records of one invocation, by partition, sorted by the partitions' names. It refers to the payload that
// it was read from, so it must not be used after the invocation.
type Batch struct {
	Partitions []Partition
}

// Partition is the records of one partition in the order of the payload. That is the order of their offsets, unless
// the payload was written by hand.
type Partition struct {
	Name    string // "<topic>-<partition number>"
	Records []Record
}

// Len is the number of records in the batch.
func (b *Batch) Len() int {
	n := 0
	for i := range b.Partitions {
		n += len(b.Partitions[i].Records)
	}
	return n
}

// Record is one record as the payload has it.
type Record struct {
	event.Place
	Timestamp time.Time      // zero: the payload has none
	Headers   []event.Header // readers share them; do not change them

	key, value []byte // the text of the JSON strings; nil: none
}

// KeyText is the key as the payload has it. Equal keys have equal texts; nil: the record has no key.
func (r *Record) KeyText() []byte { return r.key }

// Decode returns the record. Every call gives a key and a value of their own, which outlive the payload and which one
// owner may change without another's seeing it. Its headers are those of r.
//
// Lambda writes key and value in base64. A payload written by hand has them in plain text. A value that is not base64,
// as no JSON object, array or string is, makes a record hand-written, and then its key is plain text as well:
// "test_key" would not be base64, but "testkey1" would be. Where the value is base64 or empty, the key is too, unless
// it can't be.
//
// A key or value that is absent or null is none, which Kafka calls a tombstone; "" is an empty one.
func (r *Record) Decode() event.Record {
	own := make([]byte, len(r.key)+len(r.value)) // one allocation; neither part has room to grow into the other
	value, isBase64 := decodeText(own[:len(r.value):len(r.value)], r.value)
	own = own[len(r.value):]
	key := own
	if isBase64 {
		key, _ = decodeText(own, r.key)
	} else {
		copy(key, r.key)
	}
	if r.key == nil {
		key = nil
	}
	return event.Record{
		Place: r.Place, Timestamp: r.Timestamp,
		Key: key, Value: value, Headers: r.Headers,
	}
}

// strict is standard base64 with padding, the form that Lambda writes.
var strict = base64.StdEncoding.Strict()

// decodeText decodes base64 into dst, which has the length of text, and copies anything else unchanged. Each value has
// exactly one encoding: line breaks and stray bits, which Go's decoder accepts, are not base64 here.
func decodeText(dst, text []byte) (b []byte, isBase64 bool) {
	switch {
	case text == nil:
		return nil, true
	case len(text) == 0:
		return dst, true
	}
	n, err := strict.Decode(dst, text)
	if err != nil || base64.StdEncoding.EncodedLen(n) != len(text) {
		copy(dst, text)
		return dst, false
	}
	return dst[:n], true
}
