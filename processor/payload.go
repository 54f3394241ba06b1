package processor

import (
	"encoding/base64"
	"maps"
	"slices"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
)

// decodeRecord reads one record of the payload. Every call returns a key and a value of its own, so that a handler which changes
// its event's data changes neither the next attempt nor the dead letter.
//
// Lambda writes key and value in base64. A payload written by hand has them in plain text. A value that is not base64, as
// no JSON object, array or string is, makes a record hand-written, and then its key is plain text as well: "test_key"
// would not be base64, but "testkey1" would be. Where the value is base64 or empty, the key is too, unless it can't be.
//
// Lambda's payload does not tell an empty key or value from none; both are read as none.
func decodeRecord(r *events.KafkaRecord) event.Record {
	value, isBase64 := decodeBytes(r.Value)
	key := []byte(r.Key)
	if isBase64 {
		key, _ = decodeBytes(r.Key)
	}
	if r.Key == "" {
		key = nil
	}
	return event.Record{
		Topic:     r.Topic,
		Partition: int32(r.Partition),
		Offset:    r.Offset,
		Timestamp: r.Timestamp.Time,
		Key:       key,
		Value:     value,
		Headers:   decodeHeaders(r.Headers),
	}
}

// decodeBytes decodes standard base64 with padding, the only form in which the payload comes, and returns anything else
// as it is. There is one encoding of each value: line breaks and stray bits, which Go's decoder lets pass, are no base64.
func decodeBytes(s string) (b []byte, isBase64 bool) {
	if s == "" {
		return nil, true
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || base64.StdEncoding.EncodedLen(len(b)) != len(s) {
		return []byte(s), false
	}
	return b, true
}

// decodeHeaders keeps the order of the record. Each element holds one header; should a hand-written one hold several, the
// order of their names makes every delivery the same.
func decodeHeaders(in []map[string]events.JSONNumberBytes) []event.Header {
	if len(in) == 0 {
		return nil
	}
	headers := make([]event.Header, 0, len(in))
	for _, header := range in {
		if len(header) == 1 {
			for key, value := range header {
				headers = append(headers, event.Header{Key: key, Value: value})
			}
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(header)) {
			headers = append(headers, event.Header{Key: key, Value: header[key]})
		}
	}
	return headers
}
