package event

import (
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"
)

// problem is one fault of the attribute or member name. The form of the event (JSON, headers) decides how the name is
// shown to the client.
type problem struct {
	name   string
	detail string
}

// Validate checks the attributes of an event that this program made. The error is an *InvalidError with everything
// that CloudEvents forbids.
func (e *Event) Validate() error {
	var found faults
	for _, p := range e.validateSent() {
		found.add(FieldError{Pointer: "/" + p.name, Detail: p.detail})
	}
	if found == nil {
		return nil
	}
	return &InvalidError{Fields: found}
}

// validateSent validates an event that a client sent. A client must not use the source of foreign records: it could
// take the identity of such a record, and the record would be dropped as a copy.
func (e *Event) validateSent() []problem {
	found := e.validate()
	if strings.HasPrefix(e.Source, foreignSource) {
		found = append(found, problem{"source", "must not begin with " + foreignSource +
			", which is for records without CloudEvents attributes"})
	}
	return found
}

// validate returns everything in e that the CloudEvents specification forbids (section numbers of version 1.0.2).
// Names of extensions are checked where they are read, because only there malformed names are known.
func (e *Event) validate() (found []problem) {
	report := func(name, detail string) {
		if detail != "" {
			found = append(found, problem{name, detail})
		}
	}
	report("id", requiredProblem(e.ID))
	report("type", requiredProblem(e.Type))
	report("source", requiredProblem(e.Source))
	if e.Source != "" && !isURIReference(e.Source) {
		report("source",
			`must be a URI-reference (RFC 3986), such as "/orders" or "https://example.com/orders"; percent-encode other `+
				`characters`)
	}
	report("subject", textProblem(e.Subject))
	for _, x := range e.Extensions {
		report(x.Name, textProblem(x.Value))
	}
	if e.Time != "" && !isRFC3339(e.Time) {
		report("time", `must be an RFC 3339 timestamp, such as "2026-01-31T12:00:00Z"`)
	}
	if e.DataSchema != "" && !isAbsoluteURI(e.DataSchema) {
		report("dataschema", `must be an absolute URI (RFC 3986), such as "https://example.com/schemas/order.json"`)
	}
	switch {
	case e.DataContentType == "" || e.DataContentType == "application/json":
	case !isMediaType(e.DataContentType):
		report("datacontenttype", `must be a media type (RFC 2046), such as "application/json"`)
	case isCloudEvents(e.DataContentType):
		report("datacontenttype", "must not begin with application/cloudevents: "+
			"on Kafka it would say that the data is the event; send the inner event, or the data as application/json")
	}
	return found
}

func requiredProblem(value string) string {
	if value == "" {
		return "is required and must not be empty"
	}
	return textProblem(value)
}

// textProblem says what is wrong with an attribute value by section 3.1 ("String"), or "": control characters, which
// could also break out of a header line, and text that is not Unicode.
func textProblem(value string) string {
	for i := 0; i < len(value); {
		c := value[i]
		if c >= 0x20 && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(value[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			return "must be valid UTF-8"
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			return "must not contain control characters (U+0000 to U+001F, U+007F to U+009F)"
		case r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe:
			return "must not contain Unicode noncharacters"
		}
		i += size
	}
	return ""
}

// MaxExtensions bounds the cost of an event: each new name is compared with all before it, and a body of 4 MiB has
// room for half a million. Real events have at most a dozen.
const MaxExtensions = 128

const tooManyExtensions = "is one extension too many, 128 is the limit; move it into data"

// isExtensionName follows section 3 ("Attribute Naming Convention"): lower-case letters and digits.
func isExtensionName(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

const moreThanOnce = "occurs more than once; send it once"

const extensionNameRule = "extension names are lower-case letters and digits only (CloudEvents 1.0.2, section 3); " +
	"rename it, or move it into data"

// refuseExtension says why e can't have another extension with this name, or "". Each format calls it before it
// appends an extension.
func (e *Event) refuseExtension(name string) string {
	if !isExtensionName(name) {
		return extensionNameRule
	}
	for _, x := range e.Extensions {
		if x.Name == name {
			return moreThanOnce
		}
	}
	if len(e.Extensions) == MaxExtensions {
		return tooManyExtensions
	}
	return ""
}

// uriBytes marks the characters of a URI by RFC 3986: unreserved, reserved, and the percent sign of an escape.
var uriBytes = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%") {
		set[c] = true
	}
	return set
}()

// isURIReference checks characters and escapes itself, because url.Parse accepts many wrong ones. It calls url.Parse
// only where the structure can be wrong: most sources are plain paths.
func isURIReference(s string) bool {
	plain := true
	for i := range len(s) {
		switch c := s[i]; {
		case !uriBytes[c]:
			return false
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
		case c == ':' || c == '[' || c == ']' || c == '@' || c == '#':
			plain = false
		}
	}
	if plain {
		return true
	}
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	before, fragment, _ := strings.Cut(s, "#")
	// Brackets stand around the IP address of the authority and nowhere else; a fragment has no "#" inside.
	return !strings.ContainsAny(strings.Replace(before, u.Host, "", 1), "[]") && !strings.ContainsAny(fragment, "#[]")
}

// isAbsoluteURI accepts a fragment, although RFC 3986 excludes one (section 4.3): names of JSON Schemas often have
// one, such as "…/shop.json#/$defs/order".
func isAbsoluteURI(s string) bool {
	if !isURIReference(s) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme != ""
}

// isCloudEvents tells whether a media type announces one event or several. The Kafka binding chooses the mode by this
// prefix (section 3), so data with such a type would be read as an event.
func isCloudEvents(mediaType string) bool {
	mediaType = strings.TrimSpace(mediaType) // as mime.ParseMediaType does
	return len(mediaType) >= len(structuredPrefix) &&
		strings.EqualFold(mediaType[:len(structuredPrefix)], structuredPrefix)
}

func isMediaType(s string) bool {
	if s == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(s)
	return err == nil && strings.Contains(media, "/") && textProblem(s) == ""
}

// isUTF8 tells whether text of this media type is UTF-8: the charset is that, or ASCII, or not given.
func isUTF8(contentType string) bool {
	if strings.IndexByte(contentType, ';') < 0 {
		return true
	}
	_, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err != nil || charset == "" || isNameOfUTF8(charset) || strings.EqualFold(charset, "us-ascii")
}

// isNameOfUTF8 accepts "utf8" as well, which many clients send.
func isNameOfUTF8(charset string) bool {
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}
