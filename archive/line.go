// Package archive keeps the records of topics for longer than Kafka does, byte for byte, in objects that are written
// once, and brings them back. It knows no brokers and no buckets: records come from whoever consumes them, and objects
// go where an Objects says.
package archive

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"event-processing-service/internal/event"
)

// line is a record in an object: one line of JSON. A member that is absent is null in Kafka, "" is empty. What is not
// UTF-8 is in Base64, under another name, so that neither is mistaken for the other and each member has one type.
type line struct {
	Topic       string       `json:"topic"`
	Partition   int32        `json:"partition"`
	Offset      int64        `json:"offset"`
	Timestamp   *int64       `json:"timestamp"` // milliseconds since 1970 in UTC
	Key         *string      `json:"key"`
	KeyBase64   *[]byte      `json:"key_base64"`
	Headers     []lineHeader `json:"headers"`
	Value       *string      `json:"value"`
	ValueBase64 *[]byte      `json:"value_base64"`
}

type lineHeader struct {
	Key         string  `json:"key"`
	KeyBase64   *[]byte `json:"key_base64"`
	Value       *string `json:"value"`
	ValueBase64 *[]byte `json:"value_base64"`
}

// AppendLine appends r as it stands in the archive: one line of JSON.
func AppendLine(dst []byte, r *event.Record) []byte {
	dst = append(dst, `{"topic":`...)
	dst = quote(dst, r.Topic)
	dst = strconv.AppendInt(append(dst, `,"partition":`...), int64(r.Partition), 10)
	dst = strconv.AppendInt(append(dst, `,"offset":`...), r.Offset, 10)
	if !r.Timestamp.IsZero() {
		dst = strconv.AppendInt(append(dst, `,"timestamp":`...), r.Timestamp.UnixMilli(), 10)
	}
	dst = appendBytes(dst, `,"key`, r.Key)
	if len(r.Headers) > 0 {
		dst = append(dst, `,"headers":[`...)
		for i, h := range r.Headers {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendBytes(dst, `{"key`, []byte(h.Key)) // which is never nil
			dst = append(appendBytes(dst, `,"value`, h.Value), '}')
		}
		dst = append(dst, ']')
	}
	return append(appendBytes(dst, `,"value`, r.Value), '}', '\n')
}

// appendBytes appends a member, the beginning of whose name is given, unless b is nil.
func appendBytes(dst []byte, member string, b []byte) []byte {
	switch {
	case b == nil:
		return dst
	case utf8.Valid(b):
		return quote(append(append(dst, member...), `":`...), b)
	}
	dst = append(append(dst, member...), `_base64":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, b), '"')
}

// quote appends text that is UTF-8 as a JSON string.
func quote[T ~string | ~[]byte](dst []byte, text T) []byte {
	quoted, err := jsontext.AppendQuote(dst, text)
	if err != nil {
		panic(err) // only text that is not UTF-8 has an error
	}
	return quoted
}

// parseLine reads what AppendLine wrote, and refuses anything else.
func parseLine(text []byte) (event.Record, error) {
	var l line
	if err := json.Unmarshal(text, &l, json.RejectUnknownMembers(true)); err != nil {
		return event.Record{}, fmt.Errorf("decode line: %w", err)
	}
	r := event.Record{Place: event.Place{Topic: l.Topic, Partition: l.Partition, Offset: l.Offset}}
	if l.Timestamp != nil {
		r.Timestamp = time.UnixMilli(*l.Timestamp)
	}
	var problems [3]error
	r.Key, problems[0] = bytesOf(l.Key, l.KeyBase64)
	r.Value, problems[1] = bytesOf(l.Value, l.ValueBase64)
	for _, h := range l.Headers {
		key := h.Key
		if h.KeyBase64 != nil {
			key = string(*h.KeyBase64)
		}
		value, err := bytesOf(h.Value, h.ValueBase64)
		problems[2] = errors.Join(problems[2], err)
		r.Headers = append(r.Headers, event.Header{Key: key, Value: value})
	}
	return r, errors.Join(problems[:]...)
}

func bytesOf(text *string, encoded *[]byte) ([]byte, error) {
	switch {
	case text != nil && encoded != nil:
		return nil, errors.New("decode line: a member is there twice, as text and in Base64")
	case text != nil:
		return []byte(*text), nil
	case encoded != nil:
		return *encoded, nil
	}
	return nil, nil
}
