package payload

import (
	"bytes"
	"slices"
	"strings"

	"event-processing-service/internal/event"
)

// readHeaders reads the headers of a record in their order. Lambda writes one header per element. If a payload written
// by hand has several in one, their names are sorted, so that every delivery has the same order.
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

// sorted sorts the headers of one object. If several have one name the last one counts, as in any JSON object in Go.
func sorted(headers []event.Header) []event.Header {
	slices.Reverse(headers)
	slices.SortStableFunc(headers, func(a, b event.Header) int { return strings.Compare(a.Key, b.Key) })
	return slices.CompactFunc(headers, func(a, b event.Header) bool { return a.Key == b.Key })
}

// headerValue reads an array of signed bytes, -128 to 127, as Java has them.
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
	if n := textBytes(value, array); n >= 0 {
		r.at += len(array)
		return r.arena.take(n)
	}
	n := 0
	for more := r.begin('[', "a header's value", "an array"); more && n < len(value); more = r.more('[') {
		b := int64(0) // the value of null, as for encoding/json
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

// textBytes reads an array of printable ASCII, in Lambda's form, into dst. It returns the number of bytes, or -1 for
// any other array, which may still be valid. Such arrays are nearly half of a payload. Whether a number has two or
// three digits is unpredictable to a processor, so both are computed, and conditional moves select one without a jump.
func textBytes(dst, array []byte) int {
	n := 0
	for i := 1; i+2 < len(array) && n < len(dst); i++ {
		d0, d1, d2 := array[i]-'0', array[i+1]-'0', array[i+2]-'0'
		b, size := int(d0)*10+int(d1), 2
		longer := b*10 + int(d2)
		if d2 <= 9 {
			b = longer
		}
		if d2 <= 9 {
			size = 3
		}
		if d0 == 0 || d0 > 9 || d1 > 9 || b > 127 {
			return -1
		}
		dst[n] = byte(b)
		n++
		switch i += size; array[i] {
		case ',':
		case ']':
			return n
		default:
			return -1
		}
	}
	return -1
}
