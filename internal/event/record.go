package event

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Header is a Kafka record's header.
type Header struct {
	Key   string
	Value []byte
}

// Record is a Kafka record as a consumer sees it.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp time.Time
	Key       []byte // nil: no key
	Value     []byte // nil: no value, a tombstone
	Headers   []Header
}

// Position names the record for people and for ids: "topic/partition/offset".
func (r *Record) Position() string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset) }

// ForeignType is the type of an event made from a record whose producer knows nothing of CloudEvents.
const ForeignType = "kafka.record"

// AppendHeaders appends the event's attributes as headers of a Kafka record in binary mode (CloudEvents Kafka binding
// 1.0.2, section 3.2) to headers, and their values to text, of which the headers are parts. It is generic over the client
// library's header type, so that none is copied twice.
func AppendHeaders[H ~struct {
	Key   string
	Value []byte
}](headers []H, text []byte, e *Event) ([]H, []byte) {
	add := func(key, value string) {
		start := len(text)
		text = append(text, value...)
		headers = append(headers, H{Key: key, Value: text[start:len(text):len(text)]})
	}
	optional := func(key, value string) {
		if value != "" {
			add(key, value)
		}
	}
	add("ce_specversion", SpecVersion)
	add("ce_id", e.ID)
	add("ce_source", e.Source)
	add("ce_type", e.Type)
	optional("ce_subject", e.Subject)
	optional("ce_time", e.Time)
	optional("ce_dataschema", e.DataSchema)
	optional("content-type", e.DataContentType)
	for _, x := range e.Extensions {
		add(extensionHeader(x.Name), x.Value)
	}
	return headers, text
}

// extensionHeader makes no new string for the extension that most events with one have.
func extensionHeader(name string) string {
	if name == "partitionkey" {
		return "ce_partitionkey"
	}
	return "ce_" + name
}

// FromRecord reads the event of a Kafka record: structured mode where content-type says so, binary mode where there are
// ce_ headers, else a foreign record, of which an event is made: id "topic/partition/offset" unless the value is a JSON
// object with a string "id", source "/kafka/<topic>", type ForeignType. The event keeps the record's value. The error is a
// *SyntaxError or an *InvalidError, or wraps ErrUnsupportedMedia.
func FromRecord(r *Record) (Event, error) {
	contentType, contentTypes, attributes := "", 0, false
	for _, h := range r.Headers {
		if strings.EqualFold(h.Key, "content-type") {
			contentType = mediaType(h.Value) // the last one counts, as for Kafka's own clients
			contentTypes++
		}
		attributes = attributes || strings.HasPrefix(h.Key, "ce_")
	}
	if len(contentType) >= len(structuredPrefix) && strings.EqualFold(contentType[:len(structuredPrefix)], structuredPrefix) {
		mode, err := DetectMode(contentType, false)
		if err != nil {
			return Event{}, err
		}
		if mode == ModeBatch {
			return Event{}, fmt.Errorf("%w: the Kafka binding has no batches (section 1.3)", ErrUnsupportedMedia)
		}
		e, err := ParseStructured(r.Value)
		e.detach()
		return e, err
	}
	if attributes {
		return fromBinaryRecord(r, contentType, contentTypes)
	}
	return fromForeignRecord(r, contentType)
}

// mediaType allocates nothing for the one that nearly every record has.
func mediaType(value []byte) string {
	if string(value) == "application/json" {
		return "application/json"
	}
	return string(value)
}

// detach gives e attributes that are not parts of what it was read from: they outlive a record, in the memory of what is
// done, and would keep its value.
func (e *Event) detach() {
	for _, s := range []*string{&e.ID, &e.Source, &e.Type, &e.Subject, &e.Time, &e.DataContentType, &e.DataSchema} {
		*s = strings.Clone(*s)
	}
	for i := range e.Extensions {
		x := &e.Extensions[i]
		x.Name, x.Value = strings.Clone(x.Name), strings.Clone(x.Value)
	}
}

// maxShared is how long a value may be to lie in one piece of memory with the other attributes, which saves an allocation
// for each of them. Whoever keeps one keeps all, so what is long stays apart.
const maxShared = 128

const structuredPrefix = "application/cloudevents"

func fromBinaryRecord(r *Record, contentType string, contentTypes int) (Event, error) {
	h := headerReader{prefix: "ce_"}
	if contentTypes > 1 {
		h.report("datacontenttype", "is there more than once; send it once")
	}
	size := 0
	for _, header := range r.Headers {
		if strings.HasPrefix(header.Key, "ce_") && len(header.Value) <= maxShared {
			size += len(header.Value)
		}
	}
	var shared strings.Builder
	shared.Grow(size)
	for _, header := range r.Headers {
		name, ok := strings.CutPrefix(header.Key, "ce_")
		switch {
		case !ok:
		case len(header.Value) > maxShared:
			h.attribute(name, string(header.Value))
		default:
			start := shared.Len()
			shared.Write(header.Value)
			h.attribute(name, shared.String()[start:])
		}
	}
	e, err := h.finish(contentType, nil)
	if err != nil {
		return e, err
	}
	e.Data = r.Value // an empty value is not the same as none
	return e, nil
}

func fromForeignRecord(r *Record, contentType string) (Event, error) {
	e := Event{
		ID:              r.Position(),
		Source:          "/kafka/" + r.Topic,
		Type:            ForeignType,
		DataContentType: contentType,
		Data:            r.Value,
	}
	// Before 1970 there is only -1, which is no time. After the year 9999 is no RFC 3339: a producer that took milliseconds
	// for microseconds. Neither is worth losing the record over.
	if t := r.Timestamp.UTC(); t.Unix() >= 0 && t.Year() <= 9999 {
		e.Time = t.Format(time.RFC3339Nano)
	}
	id, isJSON := topLevelID(r.Value)
	if id != "" && textProblem(id) == "" { // a foreign id need not be one of CloudEvents
		e.ID = id
	}
	if e.DataContentType == "" && r.Value != nil {
		e.DataContentType = "application/octet-stream"
		if isJSON {
			e.DataContentType = "application/json"
		}
	}
	if e.DataContentType != "" && !isMediaType(e.DataContentType) { // not worth losing a foreign record over
		e.DataContentType = "application/octet-stream"
	}
	v := envelope{Event: &e, index: alone}
	for _, p := range e.validate() {
		v.report(p.name, p.detail)
	}
	if v.faults != nil { // cannot be, unless the topic's name is none that Kafka takes
		return e, &InvalidError{Fields: v.faults}
	}
	return e, nil
}

// topLevelID returns the string member "id" of a JSON object, and whether value is JSON at all.
func topLevelID(value []byte) (id string, isJSON bool) {
	v := jsontext.Value(value)
	if !v.IsValid(jsontext.AllowDuplicateNames(true)) {
		return "", false
	}
	if v.Kind() != '{' {
		return "", true
	}
	r := newReader(value)
	if _, err := r.dec.ReadToken(); err != nil {
		return "", true
	}
	for r.dec.PeekKind() == '"' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return "", true
		}
		isID := string(name) == `"id"`
		member, err := r.dec.ReadValue()
		if err != nil {
			return "", true
		}
		if isID && member.Kind() == '"' {
			return strings.Clone(unquote(member)), true // the value is the event's data, which a handler may change
		}
	}
	return "", true
}

// IsUndecodable tells whether err says that a record can never be read as an event, however often it is tried.
func IsUndecodable(err error) bool {
	var syntax *SyntaxError
	var invalid *InvalidError
	return errors.As(err, &syntax) || errors.As(err, &invalid) || errors.Is(err, ErrUnsupportedMedia)
}
