// Package jsonscan passes over pieces of JSON (RFC 8259) that lie in memory. The readers that every event goes through, of
// its envelope and of Lambda's payload, are made of it: they differ in what they take and in how they say what is wrong.
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

// Plain returns how many bytes b begins with that stand for themselves in a string: ASCII, no control character, quote or
// backslash. It looks at eight at a time, which is what makes reading fast.
func Plain(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quotes, backslashes := w^ones*'"', w^ones*'\\'
		// A byte that is less than n borrows in w - n*ones, which sets its highest bit; zero is what is less than one. The borrow
		// may mark bytes above it, too, but the lowest that is marked is right.
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

// Escape returns how long the escape is that b begins with: 2 or 6 bytes, or 0 if it is none. Whether surrogates come in
// pairs is for the caller to see.
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

// Number returns how long the number is that b begins with, or 0 if it is none.
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

// Literal returns how long the true, false or null is that b begins with, or 0 if it is none of them.
func Literal(b []byte) int {
	for _, word := range [...]string{"null", "true", "false"} {
		if len(b) >= len(word) && string(b[:len(word)]) == word {
			return len(word)
		}
	}
	return 0
}
