package payload

import (
	"bytes"
	"slices"
	"strings"

	"event-processing-service/internal/event"
)

// readHeaders reads the headers of a record in their order. Each element holds one; should a hand-written one hold several, the
// order of their names makes every delivery the same.
func (r *reader) readHeaders() []event.Header {
	if r.null() {
		return nil
	}
	headers := r.headers[:0]
	for more := r.begin('[', "headers", "an array of objects"); more; more = r.more('[') {
		if r.null() {
			continue
		}
		first := len(headers)
		for more := r.begin('{', "a header", "an object"); more; more = r.more('{') {
			key := r.arena.key(r.name(), len(headers))
			headers = append(headers, event.Header{Key: key, Value: r.headerValue()})
		}
		if len(headers) > first+1 {
			headers = append(headers[:first], sorted(headers[first:])...)
		}
	}
	r.headers = headers
	return r.arena.keep(headers, 1+(len(r.text)-r.at)/(r.at-r.start))
}

// sorted sorts the headers of one object. Of those with one name the last counts, as for any JSON object in Go.
func sorted(headers []event.Header) []event.Header {
	slices.Reverse(headers)
	slices.SortStableFunc(headers, func(a, b event.Header) int { return strings.Compare(a.Key, b.Key) })
	return slices.CompactFunc(headers, func(a, b event.Header) bool { return a.Key == b.Key })
}

// headerValue reads an array of bytes as Java has them, -128 to 127.
func (r *reader) headerValue() []byte {
	if r.null() {
		return []byte{}
	}
	end := -1
	if r.next() == '[' {
		end = bytes.IndexByte(r.text[r.at:], ']')
	}
	if end < 0 {
		r.refuse("a header's value", "an array of its bytes as numbers")
		return nil
	}
	array := r.text[r.at : r.at+end+1]
	value := r.arena.room(len(array)/2, len(r.text)-r.at) // of "[1,2]" each number takes two characters at least
	if n := signedBytes(value, array); n >= 0 {
		r.at += len(array)
		return r.arena.take(n)
	}
	n := 0
	for more := r.begin('[', "a header's value", "an array"); more && n < len(value); more = r.more('[') {
		b := int64(0) // that of null, as for encoding/json
		if !r.null() {
			at := r.at
			if b = r.integer("a byte of a header"); b != int64(int8(b)) {
				r.at = at
				r.fail("a byte of a header must be -128 to 127")
			}
		}
		value[n] = byte(b)
		n++
	}
	return r.arena.take(n)
}

// signedBytes reads an array as Lambda writes it, without spaces, into dst. It returns how many bytes it has, or -1 if it is
// written otherwise, which may still be good JSON. It looks at nearly half of a payload, digit by digit, so it is plain.
func signedBytes(dst, array []byte) int {
	n, i := 0, 1
	if array[i] == ']' {
		return 0
	}
	for i < len(array)-1 && n < len(dst) {
		negative := array[i] == '-'
		if negative {
			i++
		}
		first := i
		b := 0
		for ; i < first+3 && array[i]-'0' <= 9; i++ { // stops at the bracket
			b = b*10 + int(array[i]-'0')
		}
		if i == first || i > first+1 && array[first] == '0' || b > 128 || b == 128 && !negative {
			return -1
		}
		if negative {
			b = -b
		}
		dst[n] = byte(b)
		n++
		switch array[i] {
		case ']':
			return n
		case ',':
			i++
		default:
			return -1
		}
	}
	return -1
}
