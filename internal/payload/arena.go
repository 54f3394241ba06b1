package payload

import "event-processing-service/internal/event"

// What a piece of an arena has at most: enough for a hundred records or so.
const (
	maxBytes   = 32 << 10
	maxHeaders = 1 << 10
)

// arena keeps the headers of all records in few large pieces, and what many records share once. It is empty at first.
type arena struct {
	bytes   []byte         // the values of headers: a piece, of which what is beyond its length is free
	headers []event.Header // likewise

	topic string            // of the record before
	last  []event.Header    // of the record before
	keys  map[string]string // header keys that were met
}

// room returns n free bytes. left is how much of the payload is still to be read: a new piece is in proportion to it.
func (a *arena) room(n, left int) []byte {
	if cap(a.bytes)-len(a.bytes) < n {
		a.bytes = make([]byte, 0, max(n, min(maxBytes, left/6))) // a byte takes three characters and a half
	}
	return a.bytes[len(a.bytes) : len(a.bytes)+n]
}

// take keeps the first n bytes of the room that was given.
func (a *arena) take(n int) []byte {
	start := len(a.bytes)
	a.bytes = a.bytes[:start+n]
	return a.bytes[start : start+n : start+n]
}

// keep copies the headers of a record. like is how many records, this one included, are likely to have as many.
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

// topicOf returns the topic's name. Nearly always it is that of the record before.
func (a *arena) topicOf(text []byte) string {
	if string(text) != a.topic {
		a.topic = string(text)
	}
	return a.topic
}

// key returns the key of the i-th header of a record. Most records have the headers of the one before, in the same
// order.
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
