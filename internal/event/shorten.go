package event

import "strings"

// maxText is how many bytes are kept of a text from outside: an error, in the outcome and the dead letter, or an event
// type. A dead letter must fit into its topic even if its record was as large as its own topic allows: all added
// headers together are under 2 KiB. An outcome stays far below DynamoDB's 400 KB, and usually costs one write unit, as
// texts are usually short.
const maxText = 1024

// Shorten returns s as valid UTF-8 of at most maxText bytes, 1,024.
func Shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") // drops the character that was cut
}

// maxReflected is how many bytes of a text from outside an error repeats: enough to find the text by.
const maxReflected = 128

// Brief returns s as valid UTF-8 of at most maxReflected bytes, 128, for errors and log lines, because an answer must
// not grow with what the client wrote. Three dots mark a cut.
func Brief(s string) string {
	if len(s) <= maxReflected {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	const dots = "…"
	return strings.ToValidUTF8(s[:maxReflected-len(dots)], "") + dots
}
