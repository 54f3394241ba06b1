package event

import "strings"

// maxText is how many bytes of a text from outside are kept beside an event: an error, in its outcome and its dead
// letter, or its type. A dead letter must fit into its topic although its record was at the limit of its own: under 2
// KiB more with all headers. An outcome stays far below DynamoDB's 400 KB, and costs one write unit where texts are
// short, as they are.
const maxText = 1024

// Shorten returns s as valid UTF-8 of at most maxText bytes, 1,024.
func Shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") // drops the character that was cut
}

// maxReflected is how many bytes of a text from outside are said again in an error: enough to find it by.
const maxReflected = 128

// Brief returns s as valid UTF-8 of at most maxReflected bytes, 128, for errors and log lines: what a client wrote must
// not come back as an answer of any size. Text that was cut ends in three dots.
func Brief(s string) string {
	if len(s) <= maxReflected {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	const dots = "…"
	return strings.ToValidUTF8(s[:maxReflected-len(dots)], "") + dots
}
