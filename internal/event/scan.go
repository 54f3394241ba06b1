package event

import (
	"unicode/utf8"

	"event-processing-service/internal/jsonscan"
)

// scanner walks over JSON (RFC 8259) in place. It reads nearly every event, in half the time of a general decoder. It
// accepts only what it is sure of: the decoder reads again whatever the scanner refuses, and says what is wrong. So
// the scanner must never accept what the decoder refuses; a fuzz test checks that.
type scanner struct {
	text []byte
	at   int
}

// maxNesting bounds the recursion. Deeper values go to the decoder.
const maxNesting = 100

// scanOne is parseOne if it returns true.
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

// scanBatch is ParseBatch if it returns true.
func scanBatch(body []byte, limit int) (batch []Decoded, ok bool) {
	s, v := scanner{text: body}, envelope{}
	if !s.take('[') {
		return nil, false
	}
	// 200 bytes are a small event: with this capacity the slice seldom grows, and the body's size bounds it.
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

// value skips any value and checks all of its bytes.
func (s *scanner) value(depth int) bool {
	if s.at == len(s.text) || depth > maxNesting {
		return false
	}
	switch s.text[s.at] {
	case '"':
		return s.string()
	case '{':
		return s.elements(depth+1, true, '}')
	case '[':
		return s.elements(depth+1, false, ']')
	case 't', 'f', 'n':
		return s.skip(jsonscan.Literal(s.text[s.at:]))
	default:
		return s.skip(jsonscan.Number(s.text[s.at:]))
	}
}

// skip advances by n bytes; n is 0 if the expected text was not found.
func (s *scanner) skip(n int) bool {
	s.at += n
	return n > 0
}

// elements skips an object or array.
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

// string skips a string. It checks RFC 8259, section 7, and that the text is Unicode: valid UTF-8, and surrogates only
// in pairs.
func (s *scanner) string() bool {
	if !s.is('"') {
		return false
	}
	start, ascii := s.at, true
	for {
		s.at += jsonscan.Plain(s.text[s.at:])
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
			ascii = false
			s.at++
		}
	}
}

// escape skips an escape, or two that form one character.
func (s *scanner) escape() bool {
	first := s.surrogate()
	if !s.skip(jsonscan.Escape(s.text[s.at:])) {
		return false
	}
	if first == none {
		return true
	}
	return first == high && s.surrogate() == low && s.skip(jsonscan.Escape(s.text[s.at:]))
}

// The halves of a character outside the Basic Multilingual Plane, as \u escapes.
const (
	none = iota
	high // U+D800 to U+DBFF
	low  // U+DC00 to U+DFFF
)

func (s *scanner) surrogate() int {
	if text := s.text[s.at:]; len(text) > 3 && text[0] == '\\' && text[1] == 'u' && text[2]|0x20 == 'd' {
		switch c := text[3] | 0x20; {
		case c == '8' || c == '9' || c == 'a' || c == 'b':
			return high
		case c >= 'c' && c <= 'f':
			return low
		}
	}
	return none
}

// take skips space, and then c if it is next.
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

func (s *scanner) space() { s.at += jsonscan.Space(s.text[s.at:]) }

// end tells whether only space follows.
func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.text)
}
