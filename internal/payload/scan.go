package payload

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"event-processing-service/internal/jsonscan"
)

// maxDepth bounds the nesting of arrays and objects, as in encoding/json, because skip is recursive.
const maxDepth = 10_000

// scanner reads JSON from a text in memory. After the first fault it is at the end, every call reads nothing, and err
// has the fault. So callers need to check err only once, when they are done.
type scanner struct {
	text []byte
	at   int
	err  *FormatError
}

func (s *scanner) fail(detail string) {
	if s.err == nil {
		s.err = &FormatError{Offset: s.at, Detail: detail}
	}
	s.at = len(s.text)
}

// refuse fails because name must be JSON of another kind.
func (s *scanner) refuse(name, want string) {
	switch c := s.next(); {
	case s.at == len(s.text):
		s.fail("it ends where " + want + " should be, " + name)
	case c == '{':
		s.fail(name + " must be " + want + ", not an object")
	case c == '[':
		s.fail(name + " must be " + want + ", not an array")
	case c == '"':
		s.fail(name + " must be " + want + ", not a string")
	default:
		s.fail(name + " must be " + want)
	}
}

// next returns the first byte of the next token without reading it, or 0 at the end.
func (s *scanner) next() byte {
	if s.at += jsonscan.Space(s.text[s.at:]); s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// begin enters an array or object, and tells whether it has an element or member.
func (s *scanner) begin(opening byte, name, want string) bool {
	if s.next() != opening {
		s.refuse(name, want)
		return false
	}
	s.at++
	if s.next() == opening+2 { // in ASCII: [ and ], { and }
		s.at++
		return false
	}
	return s.err == nil
}

// more moves on to the next element or member, or leaves what began with opening.
func (s *scanner) more(opening byte) bool {
	switch s.next() {
	case ',':
		s.at++
		return true
	case opening + 2:
		s.at++
	default:
		s.fail("a comma or the end of an array or object is missing")
	}
	return false
}

// name reads the name of a member and the colon.
func (s *scanner) name() []byte {
	name := s.string("the name of a member")
	if s.next() != ':' {
		s.fail("a colon is missing")
		return nil
	}
	s.at++
	return name
}

// null reads the literal null if it comes next.
func (s *scanner) null() bool { return s.next() == 'n' && s.literal("null") }

func (s *scanner) literal(word string) bool {
	if jsonscan.Literal(s.text[s.at:]) == len(word) {
		s.at += len(word)
		return true
	}
	s.fail("it is not valid JSON")
	return false
}

// string reads a string and returns its text, which is a part of the payload unless it has escapes.
func (s *scanner) string(name string) []byte {
	if s.next() != '"' {
		s.refuse(name, "a string")
		return nil
	}
	start := s.at + 1
	s.at = start + jsonscan.Plain(s.text[start:])
	if s.at < len(s.text) && s.text[s.at] == '"' {
		s.at++
		return s.text[start : s.at-1 : s.at-1]
	}
	return s.rest(start)
}

// rest reads the rest of a string that is not plain ASCII. Like encoding/json it replaces what is not UTF-8 with
// U+FFFD.
func (s *scanner) rest(start int) []byte {
	escaped := false
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			if text := s.text[start : s.at-1 : s.at-1]; !escaped && utf8.Valid(text) {
				return text
			}
			text, _ := jsontext.AppendUnquote(nil, s.text[start-1:s.at]) // the error only reports replaced characters
			return text
		case c == '\\':
			escaped = true
			length := jsonscan.Escape(s.text[s.at:])
			if length == 0 {
				s.fail("a string has an escape that there is not")
				return nil
			}
			s.at += length
		case c < ' ':
			s.fail("a control character stands in a string")
		default:
			s.at++
		}
		s.at += jsonscan.Plain(s.text[s.at:])
	}
	s.fail("it ends within a string")
	return nil
}

// integer reads a whole number of 64 bits.
func (s *scanner) integer(name string) int64 {
	if c := s.next(); c != '-' && (c < '0' || c > '9') {
		s.refuse(name, "a whole number")
		return 0
	}
	start := s.at
	s.number()
	if s.err != nil {
		return 0
	}
	digits := s.text[start:s.at]
	if len(digits) <= 18 && digits[0] != '-' { // cannot overflow
		n := int64(0)
		for _, c := range digits {
			if c < '0' || c > '9' {
				n = -1
				break
			}
			n = n*10 + int64(c-'0')
		}
		if n >= 0 {
			return n
		}
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		s.at = start
		s.fail(name + " must be a whole number of 64 bits")
	}
	return n
}

// number reads a number of any form.
func (s *scanner) number() {
	length := jsonscan.Number(s.text[s.at:])
	if length == 0 {
		s.fail("a number lacks digits")
	}
	s.at += length
}

// skip reads a value of any kind, inside depth arrays and objects.
func (s *scanner) skip(depth int) {
	switch c := s.next(); {
	case c == '"':
		s.string("")
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	case c == 'n':
		s.literal("null")
	case (c == '{' || c == '[') && depth == maxDepth:
		s.fail("arrays and objects lie too deep in each other")
	case c == '{':
		for more := s.begin(c, "", ""); more; more = s.more(c) {
			s.name()
			s.skip(depth + 1)
		}
	case c == '[':
		for more := s.begin(c, "", ""); more; more = s.more(c) {
			s.skip(depth + 1)
		}
	default:
		s.refuse("the value of a member", "valid JSON")
	}
}
