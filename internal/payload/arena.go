package payload

import "event-processing-service/internal/event"

// The largest size of a piece of an arena: enough for about a hundred records.
const (
	maxBytes   = 32 << 10
	maxHeaders = 1 << 10
)

// arena holds the headers of all records in a few large pieces, and once what many records share. Its zero value is
// empty.
type arena struct {
	bytes   []byte         // the values of headers: the current piece, free beyond its length
	headers []event.Header // likewise

	topic string            // of the previous record
	last  []event.Header    // of the previous record
	keys  map[string]string // header keys that occurred
}

// room returns n free bytes. left is the rest of the payload, to which a new piece is in proportion.
func (a *arena) room(n, left int) []byte {
	if cap(a.bytes)-len(a.bytes) < n {
		a.bytes = make([]byte, 0, max(n, min(maxBytes, left/6))) // a byte takes about three and a half characters
	}
	return a.bytes[len(a.bytes) : len(a.bytes)+n]
}

// take keeps the first n bytes that room returned last.
func (a *arena) take(n int) []byte {
	start := len(a.bytes)
	a.bytes = a.bytes[:start+n]
	return a.bytes[start : start+n : start+n]
}

// keep copies the headers of a record. like is how many records, this one included, probably have as many.
func (a *arena) keep(headers []event.Header, like int) []event.Header {
	n := len(headers)
	if n == 0 {
		return nil
	}
	if cap(a.headers)-len(a.headers) < n {
		a.headers = make([]event.Header, 0, max(n, min(maxHeaders, n*like)))
	}
	start := len(a.headers)
	a.headers = append(a.headers, headers...)
	a.last = a.headers[start : start+n : start+n]
	return a.last
}

// topicOf returns the topic's name. It is nearly always that of the previous record.
func (a *arena) topicOf(text []byte) string {
	if string(text) != a.topic {
		a.topic = string(text)
	}
	return a.topic
}

// key returns the key of the i-th header of a record. Most records have the same headers as the previous one, in the
// same order.
func (a *arena) key(text []byte, i int) string {
	if i < len(a.last) && a.last[i].Key == string(text) {
		return a.last[i].Key
	}
	key, known := a.keys[string(text)]
	if !known {
		if a.keys == nil {
			a.keys = map[string]string{}
		}
		key = string(text)
		a.keys[key] = key
	}
	return key
}
