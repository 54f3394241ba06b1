// Package jsonscan passes over pieces of JSON (RFC 8259) that lie in memory. The readers that every event goes through,
// of its envelope and of Lambda's payload, are made of it: they differ in what they take and in how they say what is
// wrong.
package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// Space returns how many bytes of white space b begins with.
func Space(b []byte) int {
	for i, c := range b {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return i
		}
	}
	return len(b)
}

// Plain returns how many bytes b begins with that stand for themselves in a string: ASCII, no control character, quote
// or backslash. It looks at eight at a time, which is what makes reading fast.
func Plain(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quotes, backslashes := w^ones*'"', w^ones*'\\'
		// A byte that is less than n borrows in w - n*ones, which sets its highest bit; zero is what is less than one. The
		// borrow may mark bytes above it, too, but the lowest that is marked is right.
		if stops := (w | (w - ones*' ') | (quotes - ones) | (backslashes - ones)) & highs; stops != 0 {
			return i + bits.TrailingZeros64(stops)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			break
		}
	}
	return i
}

// Escape returns how long the escape is that b begins with: 2 or 6 bytes, or 0 if b does not begin with one. Whether
// surrogates come in pairs is for the caller to see.
func Escape(b []byte) int {
	if len(b) < 2 || b[0] != '\\' {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		const size = len(`\u0000`)
		if len(b) < size {
			return 0
		}
		for _, c := range b[2:size] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return size
	}
	return 0
}

// Number returns how long the number is that b begins with, or 0 if there is none.
func Number(b []byte) int {
	i := one(b, 0, '-')
	if whole := one(b, i, '0'); whole > i {
		i = whole
	} else if whole = digits(b, i); whole > i {
		i = whole
	} else {
		return 0
	}
	if point := one(b, i, '.'); point > i {
		if i = digits(b, point); i == point {
			return 0
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		sign := one(b, i, '+')
		if sign == i {
			sign = one(b, i, '-')
		}
		if i = digits(b, sign); i == sign {
			return 0
		}
	}
	return i
}

// one returns the place behind c if it is at place i of b, else i.
func one(b []byte, i int, c byte) int {
	if i < len(b) && b[i] == c {
		return i + 1
	}
	return i
}

// digits returns the place behind the digits that begin at place i of b.
func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// Value returns how long the value is that b begins with, including leading white space, or 0 if there is none. It says
// where a value ends and not that a reader takes it: strings may be text that is not Unicode, and nesting has no limit.
func Value(b []byte) int {
	var ends []byte // of the objects and arrays that are open
	for i := 0; ; {
		if i += Space(b[i:]); i == len(b) {
			return 0
		}
		if c := b[i]; c == '{' || c == '[' {
			end := c + 2 // as ASCII has them
			ends = append(ends, end)
			i++
			if i += Space(b[i:]); i == len(b) || b[i] != end {
				if c == '{' {
					if i = member(b, i); i == 0 {
						return 0
					}
				}
				continue
			}
		} else if n := scalar(b[i:]); n > 0 {
			i += n
		} else {
			return 0
		}
		for len(ends) > 0 {
			if i += Space(b[i:]); i == len(b) || b[i] != ends[len(ends)-1] {
				break
			}
			ends, i = ends[:len(ends)-1], i+1
		}
		if len(ends) == 0 {
			return i
		}
		if i == len(b) || b[i] != ',' {
			return 0
		}
		i++
		if ends[len(ends)-1] == '}' {
			if i = member(b, i); i == 0 {
				return 0
			}
		}
	}
}

// member returns the place behind the name and colon that begin at place i of b, or 0 if there are none.
func member(b []byte, i int) int {
	i += Space(b[i:])
	n := text(b[i:])
	if n == 0 {
		return 0
	}
	i += n
	i += Space(b[i:])
	if i == len(b) || b[i] != ':' {
		return 0
	}
	return i + 1
}

func scalar(b []byte) int {
	switch b[0] {
	case '"':
		return text(b)
	case 't', 'f', 'n':
		return Literal(b)
	}
	return Number(b)
}

// text returns how long the string is that b begins with, of any characters, or 0 if there is none.
func text(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; ; {
		if i += Plain(b[i:]); i == len(b) {
			return 0
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			n := Escape(b[i:])
			if n == 0 {
				return 0
			}
			i += n
		case c < ' ':
			return 0
		default: // beyond ASCII
			i++
		}
	}
}

// Literal returns how long the true, false or null is that b begins with, or 0 if there is none.
func Literal(b []byte) int {
	for _, word := range [...]string{"null", "true", "false"} {
		if len(b) >= len(word) && string(b[:len(word)]) == word {
			return len(word)
		}
	}
	return 0
}
