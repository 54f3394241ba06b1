package event

import (
	"mime"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// reporter takes one fault of the attribute or member name. Where the event stood (a JSON member, a header) decides how
// the name is shown to the client.
type reporter func(name, detail string)

// validate reports everything that the CloudEvents specification refuses in e (section numbers of version 1.0.2).
// Extension names are checked where they are read, as only there it is known which are well-formed attributes at all.
func (e *Event) validate(report reporter) {
	required := func(name, value string) {
		if value == "" {
			report(name, "is required and must not be empty")
			return
		}
		checkString(name, value, report)
	}
	required("id", e.ID)
	required("type", e.Type)
	required("source", e.Source)
	if e.Source != "" && !isURIReference(e.Source) {
		report("source", `must be a URI-reference (RFC 3986), such as "/orders" or "https://example.com/orders"; percent-encode other characters`)
	}
	optional := func(name, value string) {
		if value != "" {
			checkString(name, value, report)
		}
	}
	optional("subject", e.Subject)
	for _, x := range e.Extensions {
		optional(x.Name, x.Value)
	}
	if e.Time != "" && !isRFC3339(e.Time) {
		report("time", `must be an RFC 3339 timestamp, such as "2026-01-31T12:00:00Z"`)
	}
	if e.DataSchema != "" && !isAbsoluteURI(e.DataSchema) {
		report("dataschema", `must be an absolute URI (RFC 3986), such as "https://example.com/schemas/order.json"`)
	}
	if e.DataContentType != "" && !isMediaType(e.DataContentType) {
		report("datacontenttype", `must be a media type (RFC 2046), such as "application/json"`)
	}
}

// checkString refuses what section 3.1 ("String") keeps out of attribute values: control characters, which would also
// let a value break out of a header line, and what is not Unicode text.
func checkString(name, value string, report reporter) {
	for i := 0; i < len(value); {
		c := value[i]
		if c >= 0x20 && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(value[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			report(name, "must be valid UTF-8")
			return
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			report(name, "must not contain control characters (U+0000 to U+001F, U+007F to U+009F)")
			return
		case r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe:
			report(name, "must not contain Unicode noncharacters")
			return
		}
		i += size
	}
}

// isExtensionName holds section 3 ("Attribute Naming Convention"): lower-case letters and digits.
func isExtensionName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

const extensionNameRule = "extension names are lower-case letters and digits only (CloudEvents 1.0.2, section 3); rename it, or put it into data"

func isRFC3339(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

// uriBytes marks what RFC 3986 lets stand in a URI: unreserved, reserved, and the percent sign of an escape.
var uriBytes = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%") {
		set[c] = true
	}
	return set
}()

// isURIReference checks the characters itself, as url.Parse lets spaces and non-ASCII through, and leaves the structure
// to url.Parse only where there can be something wrong with it: most sources are plain paths.
func isURIReference(s string) bool {
	plain := true
	for i := 0; i < len(s); i++ {
		if !uriBytes[s[i]] {
			return false
		}
		if strings.IndexByte(":%[]@#", s[i]) >= 0 {
			plain = false
		}
	}
	if plain {
		return true
	}
	_, err := url.Parse(s)
	return err == nil
}

func isAbsoluteURI(s string) bool {
	if !isURIReference(s) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme != ""
}

func isMediaType(s string) bool {
	if s == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(s)
	return err == nil && strings.Contains(media, "/")
}
