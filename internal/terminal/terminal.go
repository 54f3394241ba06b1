// Package terminal keeps text from outside, such as an event's, from commanding the terminal that it is printed to.
package terminal

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Writer writes text to w with everything escaped that a terminal might obey: control characters (C0, C1, DEL) but
// for newline and tab, characters that change the direction of text, and bytes that are not UTF-8, some of which
// 8-bit terminals take for control characters. An escape is \u and four hexadecimal digits, which in a JSON string is
// the same text; a byte is \x and two. A character whose bytes come in two writes is written with the second. It is
// safe for concurrent use.
func Writer(w io.Writer) io.Writer { return &writer{out: w} }

type writer struct {
	mu   sync.Mutex
	out  io.Writer
	rest []byte // the beginning of a character
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := slices.Concat(w.rest, p)
	escaped, rest := escape(make([]byte, 0, len(text)), text, false)
	w.rest = rest
	if _, err := w.out.Write(escaped); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Line returns s escaped as by [Writer], newlines too: text that can't begin a line of its own.
func Line(s string) string {
	escaped, rest := escape(make([]byte, 0, len(s)), []byte(s), true)
	for _, b := range rest {
		escaped = fmt.Appendf(escaped, `\x%02x`, b)
	}
	return string(escaped)
}

// escape appends text to dst, but for the beginning of a character at its end, which it returns.
func escape(dst, text []byte, newlines bool) (escaped, rest []byte) {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1 && !utf8.FullRune(text):
			return dst, append([]byte(nil), text...)
		case r == utf8.RuneError && n == 1:
			dst = fmt.Appendf(dst, `\x%02x`, text[0])
		case r == '\t', r == '\n' && !newlines:
			dst = append(dst, byte(r))
		case commands(r):
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = append(dst, text[:n]...)
		}
		text = text[n:]
	}
	return dst, nil
}

// commands tells of the characters that do more than show: Bidi_Control is Unicode's list of those that change
// direction.
func commands(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
