package api

import (
	"net/url"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
)

// The answers to stored events are written by hand: they are most of what this service writes, and with reflection they
// took as long as reading the event. A test compares them with what encoding/json makes of the same values.

// jsonAppender appends itself as JSON.
type jsonAppender interface {
	appendJSON(to []byte) ([]byte, error)
}

// scratch holds buffers for answers. An answer is then copied into the response, which has memory of its own.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch is the size of buffers that are kept: the answer to a full batch.
const maxScratch = 128 << 10

func withScratch(write func([]byte) ([]byte, error), use func([]byte)) error {
	buffer := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	text, err := write((*buffer)[:0])
	if err != nil {
		return err
	}
	use(text)
	if cap(text) <= maxScratch {
		*buffer = text
	}
	return nil
}

// sendAppended answers with v in JSON.
func sendAppended(c *fiber.Ctx, v jsonAppender) error {
	c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	return withScratch(v.appendJSON, c.Response().SetBody)
}

var locationName = []byte(fiber.HeaderLocation)

// locate puts the Location of the event's outcome on the answer. It is a path, as clients of /v1 expect: they put the
// host in front.
func (s *Server) locate(c *fiber.Ctx, id event.Identity) {
	_ = withScratch(func(to []byte) ([]byte, error) {
		return appendOutcomePath(append(to, s.basePath...), id, defaultSource(c)), nil
	},
		func(path []byte) { c.Response().Header.SetCanonical(locationName, path) })
}

func (a *acceptedEvent) appendJSON(to []byte) ([]byte, error) { //nolint:unparam // the batch's can fail
	to = appendString(append(to, `{"id":`...), a.ID)
	to = appendString(append(to, `,"source":`...), a.Source)
	to = appendString(append(to, `,"topic":`...), a.Topic)
	to = strconv.AppendInt(append(to, `,"partition":`...), int64(a.Partition), 10)
	to = strconv.AppendInt(append(to, `,"offset":`...), a.Offset, 10)
	return append(to, '}'), nil
}

func (a *batchAnswer) appendJSON(to []byte) ([]byte, error) {
	to = strconv.AppendInt(append(to, `{"accepted":`...), int64(a.Accepted), 10)
	to = strconv.AppendInt(append(to, `,"rejected":`...), int64(a.Rejected), 10)
	to = append(to, `,"results":[`...)
	for i := range a.Results {
		if i > 0 {
			to = append(to, ',')
		}
		r := &a.Results[i]
		to = strconv.AppendInt(append(to, `{"index":`...), int64(r.Index), 10)
		if r.ID != "" {
			to = appendString(append(to, `,"id":`...), r.ID)
		}
		to = strconv.AppendInt(append(to, `,"status":`...), int64(r.Status), 10)
		if r.Problem != nil {
			problem, err := encodeJSON(r.Problem)
			if err != nil {
				return nil, err // cannot happen: it consists of strings and numbers
			}
			to = append(append(to, `,"problem":`...), problem...)
		}
		to = append(to, '}')
	}
	return append(to, "]}"...), nil
}

// appendString writes a JSON string. Attributes of a refused event may be anything; invalid UTF-8 is replaced.
func appendString(to []byte, s string) []byte {
	to, _ = jsontext.AppendQuote(to, s) // the error only says that it replaced something
	return to
}

// appendOutcomePath appends the path of an event's outcome. An id alone does not identify an event, so the path has the
// source, too, unless it is the default source.
func appendOutcomePath(to []byte, id event.Identity, without string) []byte {
	to = append(to, "/v1/events/"...)
	separator := "?"
	switch {
	// however escaped, clients take them for steps in the path (RFC 3986, section 5.2.4)
	case id.ID == "." || id.ID == "..":
		to, separator = append(append(to, "-?event_id="...), id.ID...), "&"
	case isUnreserved(id.ID):
		to = append(to, id.ID...)
	default:
		to = append(to, url.PathEscape(id.ID)...)
	}
	if id.Source == without {
		return to
	}
	to = append(append(to, separator...), "source="...)
	for i := range len(id.Source) {
		switch c := id.Source[i]; {
		case c == '/': // the most frequent one that QueryEscape escapes
			to = append(to, "%2F"...)
		case isUnreservedByte(c):
			to = append(to, c)
		default:
			return append(to, url.QueryEscape(id.Source[i:])...)
		}
	}
	return to
}

// isUnreserved reports whether s needs no escapes in a URL (RFC 3986, section 2.3).
func isUnreserved(s string) bool {
	for i := range len(s) {
		if !isUnreservedByte(s[i]) {
			return false
		}
	}
	return true
}

func isUnreservedByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' ||
		c == '_' || c == '~'
}
