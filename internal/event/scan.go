package event

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// scanner walks over JSON (RFC 8259) in place. It is what reads nearly every event, in a third of the time that a general
// decoder takes. It only says yes where it is sure: whatever it refuses, a decoder reads again from the start, has the last
// word on it and says what is wrong. So it must never take what the decoder refuses, to which a fuzz test holds it.
type scanner struct {
	text []byte
	at   int
}

// maxNesting bounds the recursion. The decoder takes deeper values than anybody sends.
const maxNesting = 100

// scanOne is parseOne, where ok.
func scanOne(body []byte, defaults *Defaults) (d Decoded, ok bool) {
	s, v := scanner{text: body}, envelope{Event: &d.Event, index: alone}
	if !s.members(&v) || !s.end() {
		return Decoded{}, false
	}
	if defaults != nil {
		v.fill(defaults)
	}
	d.Err = v.finish()
	return d, true
}

// scanBatch is ParseBatch, where ok.
func scanBatch(body []byte, limit int) (batch []Decoded, ok bool) {
	s, v := scanner{text: body}, envelope{}
	if !s.take('[') {
		return nil, false
	}
	// 200 bytes are a small event: enough to seldom grow, and bounded by what was sent.
	batch = make([]Decoded, 0, min(limit, len(body)/200+1))
	for more := !s.take(']'); more; more = s.take(',') {
		if len(batch) == limit {
			return nil, false
		}
		batch = append(batch, Decoded{})
		d := &batch[len(batch)-1]
		v = envelope{Event: &d.Event, index: len(batch) - 1}
		if !s.members(&v) {
			return nil, false
		}
		d.Err = v.finish()
	}
	return batch, (len(batch) == 0 || s.take(']')) && s.end()
}

// members reads an object into v.
func (s *scanner) members(v *envelope) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		s.space()
		name := s.at
		if !s.string() {
			return false
		}
		nameEnd := s.at
		if !s.take(':') {
			return false
		}
		s.space()
		value := s.at
		if !s.value(0) {
			return false
		}
		v.member(unquote(s.text[name:nameEnd]), s.text[value:s.at:s.at])
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// value passes over any value; all of its bytes are looked at.
func (s *scanner) value(depth int) bool {
	if s.at == len(s.text) || depth > maxNesting {
		return false
	}
	switch c := s.text[s.at]; c {
	case '"':
		return s.string()
	case '{':
		return s.elements(depth+1, true, '}')
	case '[':
		return s.elements(depth+1, false, ']')
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

// elements passes over an object or array.
func (s *scanner) elements(depth int, named bool, end byte) bool {
	s.at++ // the opening bracket
	if s.take(end) {
		return true
	}
	for {
		if named {
			s.space()
			if !s.string() || !s.take(':') {
				return false
			}
		}
		s.space()
		if !s.value(depth) {
			return false
		}
		if !s.take(',') {
			return s.take(end)
		}
	}
}

func (s *scanner) literal(word string) bool {
	if len(s.text)-s.at < len(word) || string(s.text[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

// number holds RFC 8259, section 6.
func (s *scanner) number() bool {
	s.is('-')
	if !s.is('0') && !s.digits() {
		return false
	}
	if s.is('.') && !s.digits() {
		return false
	}
	if s.is('e') || s.is('E') {
		if !s.is('-') {
			s.is('+')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at]-'0' <= 9 {
		s.at++
	}
	return s.at > start
}

// string passes over a string, of which it checks what RFC 8259, section 7, asks for, and that it is Unicode: valid UTF-8,
// and of surrogates only pairs.
func (s *scanner) string() bool {
	if !s.is('"') {
		return false
	}
	start, ascii := s.at, true
	for {
		s.plain()
		if s.at == len(s.text) {
			return false
		}
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return ascii || utf8.Valid(s.text[start:s.at])
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < 0x20:
			return false
		default:
			ascii = ascii && c < utf8.RuneSelf
			s.at++
		}
	}
}

// plain passes over all that is ASCII, no control, quote or backslash, as far as there are eight bytes to look at together.
func (s *scanner) plain() {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; s.at+8 <= len(s.text); s.at += 8 {
		w := binary.LittleEndian.Uint64(s.text[s.at:])
		quotes, backslashes := w^(ones*'"'), w^(ones*'\\')
		// A byte that is less than n borrows in w - n*ones, which sets its highest bit; zero is what is less than one. The borrow
		// may mark bytes above it, too, but the lowest that is marked is right.
		if stops := (w | (w - ones*0x20) | (quotes - ones) | (backslashes - ones)) & highs; stops != 0 {
			s.at += bits.TrailingZeros64(stops) / 8
			return
		}
	}
}

// escape passes over a backslash and what belongs to it.
func (s *scanner) escape() bool {
	if len(s.text)-s.at < 2 {
		return false
	}
	switch s.text[s.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return true
	case 'u':
		unit, ok := s.unit()
		if !ok || unit < 0xd800 || unit > 0xdfff {
			return ok
		}
		low, ok := s.unit()
		return ok && unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff
	}
	return false
}

// unit reads one \u escape.
func (s *scanner) unit() (unit uint32, ok bool) {
	const size = len(`\u0000`)
	if len(s.text)-s.at < size || s.text[s.at] != '\\' || s.text[s.at+1] != 'u' {
		return 0, false
	}
	for _, c := range s.text[s.at+2 : s.at+size] {
		if !isHex(c) {
			return 0, false
		}
		unit = unit<<4 | uint32(unhex(c))
	}
	s.at += size
	return unit, true
}

// take passes over space and then c, if that is next.
func (s *scanner) take(c byte) bool {
	s.space()
	return s.is(c)
}

func (s *scanner) is(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// end tells whether nothing follows but space.
func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.text)
}
