package event

import (
	"fmt"
	"iter"
	"mime"
	"strings"
	"unicode/utf8"
)

// Mode is the form of events in an HTTP request (CloudEvents HTTP binding 1.0.2, section 1.3).
type Mode int

// The modes of the binding, and plain JSON, which is ours: a structured event that may leave out all but type.
const (
	ModeStructured Mode = iota + 1
	ModeBatch
	ModeBinary
	ModePlain
)

const acceptedMedia = "send application/cloudevents+json, application/cloudevents-batch+json, application/json, or " +
	"any type with ce- headers"

// DetectMode chooses by Content-Type, in the order of section 3 of the HTTP binding. hasAttributes tells whether the
// request has a ce- header. The error wraps ErrUnsupportedMedia.
func DetectMode(contentType string, hasAttributes bool) (Mode, error) {
	if contentType == "application/cloudevents+json" { // what nearly all clients send, exactly so
		return ModeStructured, nil
	}
	media, params, err := mime.ParseMediaType(contentType) // lower-cases the type
	if err != nil && !hasAttributes {
		return 0, fmt.Errorf("%w: %q is not a media type; %s", ErrUnsupportedMedia, Brief(contentType), acceptedMedia)
	}
	var mode Mode
	switch {
	case media == "application/cloudevents-batch+json":
		mode = ModeBatch
	case media == "application/cloudevents+json":
		mode = ModeStructured
	case strings.HasPrefix(media, "application/cloudevents"):
		return 0, fmt.Errorf("%w: the CloudEvents format %q is not supported; %s", ErrUnsupportedMedia, Brief(media),
			acceptedMedia)
	case hasAttributes:
		return ModeBinary, nil
	case media == "application/json":
		mode = ModePlain
	default:
		return 0, fmt.Errorf("%w: %q without ce- headers is not an event; %s", ErrUnsupportedMedia, Brief(media),
			acceptedMedia)
	}
	if charset := params["charset"]; charset != "" && !isNameOfUTF8(charset) {
		return 0, fmt.Errorf("%w: JSON must be UTF-8, not %q; send it as UTF-8", ErrUnsupportedMedia, Brief(charset))
	}
	return mode, nil
}

// ParseBinary reads an event whose attributes are ce- headers and whose data is the body (HTTP binding, section 3.1).
// It ignores other headers. The event keeps body, which must not change afterwards. The error is an *InvalidError.
func ParseBinary(contentType string, headers iter.Seq2[string, string], body []byte) (Event, error) {
	h := headerReader{prefix: "ce-"}
	for name, value := range headers {
		if len(name) < 3 || !strings.EqualFold(name[:3], "ce-") {
			continue
		}
		attribute := strings.ToLower(name[3:])
		text, problem := decodeHeaderValue(value)
		if problem != "" {
			h.report(attribute, problem) // first, so that the missing value is not a second fault
		}
		h.attribute(attribute, text)
	}
	return h.finish(contentType, body)
}

// headerReader reads attributes from headers, of HTTP or Kafka.
type headerReader struct {
	Event
	prefix      string // "ce-" or "ce_"
	specversion string
	faults      faults
	seen        uint16 // bits of the attributes that were read, without extensions
}

func (h *headerReader) report(name, detail string) {
	header := h.prefix + Brief(name)
	if name == "datacontenttype" {
		header = "content-type"
	}
	h.faults.add(FieldError{Header: header, Detail: detail})
}

func (h *headerReader) attribute(name, value string) {
	var (
		to  *string
		bit uint16
	)
	switch name {
	case "id":
		to, bit = &h.ID, seenID
	case "source":
		to, bit = &h.Source, seenSource
	case "type":
		to, bit = &h.Type, seenType
	case "specversion":
		to, bit = &h.specversion, seenSpecVersion
	case "subject":
		to, bit = &h.Subject, seenSubject
	case "time":
		to, bit = &h.Time, seenTime
	case "dataschema":
		to, bit = &h.DataSchema, seenDataSchema
	case "datacontenttype":
		h.faults.add(FieldError{Header: h.prefix + name, Detail: "must not be sent; content-type says what the data is"})
		return
	case "data":
		h.report(name,
			"must not be the name of an attribute (CloudEvents 1.0.2, section 3); rename it, or send it as the data")
		return
	default:
		h.extension(name, value)
		return
	}
	if h.seen&bit != 0 {
		h.report(name, moreThanOnce)
		return
	}
	*to, h.seen = value, h.seen|bit
	if value == "" && (to == &h.Subject || to == &h.Time || to == &h.DataSchema) {
		h.report(name, "must not be empty; omit it instead")
	}
}

func (h *headerReader) extension(name, value string) {
	if fault := h.refuseExtension(name); fault != "" {
		h.report(name, fault)
		return
	}
	h.Extensions = append(h.Extensions, Extension{Name: name, Value: value})
}

func (h *headerReader) finish(contentType string, data []byte) (Event, error) {
	h.DataContentType = contentType
	if len(data) > 0 {
		h.Data = data
	}
	if h.specversion != SpecVersion {
		h.report("specversion", `is required and must be "1.0"`)
	}
	for _, p := range h.validateSent() {
		h.report(p.name, p.detail)
	}
	if len(h.faults) > 0 {
		return Event{ID: h.ID, Source: h.Source}, &InvalidError{Fields: h.faults}
	}
	return h.Event, nil
}

// decodeHeaderValue follows section 3.1.3.2 of the HTTP binding: it unquotes the value, then percent-decodes it once.
// The second result is what is wrong with the value, or "".
func decodeHeaderValue(value string) (text, problem string) {
	if strings.IndexByte(value, '"') < 0 && strings.IndexByte(value, '%') < 0 {
		return value, "" // validation looks at its characters
	}
	value = unquoteHeader(value)
	decoded := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			decoded = append(decoded, value[i])
			continue
		}
		if i+2 >= len(value) || !isHex(value[i+1]) || !isHex(value[i+2]) {
			return "", "has a % that starts no escape; write a percent sign as %25"
		}
		decoded = append(decoded, unhex(value[i+1])<<4|unhex(value[i+2]))
		i += 2
	}
	if !utf8.Valid(decoded) {
		return "", "is not valid UTF-8 after percent-decoding"
	}
	return string(decoded), ""
}

// unquoteHeader removes quotes and backslashes from a value that is one quoted string (RFC 7230, section 3.2.6). Other
// quotes are text.
func unquoteHeader(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	inside := s[1 : len(s)-1]
	text := make([]byte, 0, len(inside))
	for i := 0; i < len(inside); i++ {
		switch {
		case inside[i] == '"', inside[i] == '\\' && i+1 == len(inside): // a quote in the middle, or an escaped one at the end
			return s
		case inside[i] == '\\':
			i++
		}
		text = append(text, inside[i])
	}
	return string(text)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}
