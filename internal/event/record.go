package event

import (
	"fmt"
	"strconv"
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
	Place
	Timestamp time.Time
	Key       []byte // nil: no key
	Value     []byte // nil: no value, a tombstone
	Headers   []Header
}

// PlaceID is the id of a record that is known by its place: "topic/partition/offset@milliseconds", of the record's
// timestamp, without which a recreated topic would repeat it. A record without a timestamp has the place alone.
func (r *Record) PlaceID() string {
	if r.Timestamp.UnixMilli() < 0 { // the zero time, too
		return r.String()
	}
	return r.String() + "@" + strconv.FormatInt(r.Timestamp.UnixMilli(), 10)
}

// foreignSource begins the source of each foreign record, and of nothing else.
const foreignSource = "/kafka/"

// ForeignSource is the source of the foreign records of a topic.
func ForeignSource(topic string) string { return foreignSource + topic }

// FollowUpSource is the source of the events that handlers publish. Their ids are made of those of their causes, so
// they can be guessed, and no client with a key may post under it.
const FollowUpSource = "/event-processing-service/processor"

// ClientHeader is the header of a record that names the client whose key its event was posted with. It is not an
// attribute of the event: nobody but the API says it.
const ClientHeader = "x-client"

// Client returns whose key the record's event was posted with, or "".
func (r *Record) Client() string {
	for _, h := range r.Headers {
		if h.Key == ClientHeader {
			return Brief(string(h.Value))
		}
	}
	return ""
}

// ForeignType is the type of an event made from a record whose producer knows nothing of CloudEvents.
const ForeignType = "kafka.record"

// AppendHeaders appends the event's attributes as headers of a Kafka record in binary mode (CloudEvents Kafka binding
// 1.0.2, section 3.2) to headers, and their values to text, of which the headers are parts. It is generic over the
// client library's header type, so that none is copied twice.
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
// ce_ headers, else a foreign record, of which an event is made: id PlaceID, source ForeignSource, type ForeignType.
// The event keeps the record's value. The error is a *SyntaxError or an *InvalidError, or wraps ErrUnsupportedMedia.
func FromRecord(r *Record) (Event, error) {
	contentType, contentTypes, attributes := "", 0, false
	for _, h := range r.Headers {
		if strings.EqualFold(h.Key, "content-type") {
			contentType = mediaType(h.Value) // the last one counts, as for Kafka's own clients
			contentTypes++
		}
		attributes = attributes || strings.HasPrefix(h.Key, "ce_")
	}
	if isCloudEvents(contentType) {
		mode, err := DetectMode(contentType, false)
		if err != nil {
			return Event{}, err
		}
		if mode == ModeBatch {
			return Event{}, fmt.Errorf("%w: the Kafka binding has no batches (section 1.3)", ErrUnsupportedMedia)
		}
		e, err := ParseStructured(r.Value)
		if err == nil && attributes {
			err = e.contradicted(r.Headers)
		}
		e.detach()
		return e, err
	}
	if attributes {
		return fromBinaryRecord(r, contentType, contentTypes)
	}
	return fromForeignRecord(r, contentType)
}

// contradicted says where the headers beside a structured event name another event. The binding lets them be there
// (section 3.3.3), and a reader of the headers alone must see the same event as the processor.
func (e *Event) contradicted(headers []Header) error {
	var found faults
	for _, h := range headers {
		attribute := map[string]string{"ce_id": e.ID, "ce_source": e.Source, "ce_type": e.Type}
		if inside, known := attribute[h.Key]; known && string(h.Value) != inside {
			found.add(FieldError{Header: h.Key, Detail: "must be the same as in the structured event beside it"})
		}
	}
	if found == nil {
		return nil
	}
	return &InvalidError{Fields: found}
}

// mediaType allocates nothing for the one that nearly every record has.
func mediaType(value []byte) string {
	if string(value) == "application/json" {
		return "application/json"
	}
	return string(value)
}

// detach gives e attributes that are not parts of what it was read from: they outlive a record, in the memory of what
// is done, and would keep its value.
func (e *Event) detach() {
	for _, s := range []*string{&e.ID, &e.Source, &e.Type, &e.Subject, &e.Time, &e.DataContentType, &e.DataSchema} {
		*s = strings.Clone(*s)
	}
	for i := range e.Extensions {
		x := &e.Extensions[i]
		x.Name, x.Value = strings.Clone(x.Name), strings.Clone(x.Value)
	}
}

// maxShared is how long a value may be to lie in one piece of memory with the other attributes, which saves an
// allocation for each of them. Whoever keeps one keeps all, so what is long stays apart.
const maxShared = 128

const structuredPrefix = "application/cloudevents"

func fromBinaryRecord(r *Record, contentType string, contentTypes int) (Event, error) {
	h := headerReader{prefix: "ce_"}
	if contentTypes > 1 {
		h.report("datacontenttype", "occurs more than once; send it once")
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
		ID:              r.PlaceID(),
		Source:          ForeignSource(r.Topic),
		Type:            ForeignType,
		DataContentType: contentType,
		Data:            r.Value,
	}
	// Before 1970 there is only -1, which is not a time. RFC 3339 ends with the year 9999: a producer that took
	// milliseconds for microseconds. Neither is worth losing the record over.
	if t := r.Timestamp.UTC(); t.Unix() >= 0 && t.Year() <= 9999 {
		e.Time = t.Format(time.RFC3339Nano)
	}
	if e.DataContentType == "" && r.Value != nil {
		e.DataContentType = "application/octet-stream"
		if jsontext.Value(r.Value).IsValid(jsontext.AllowDuplicateNames(true)) {
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
	if v.faults != nil { // only if the topic has a name that Kafka refuses
		return e, &InvalidError{Fields: v.faults}
	}
	return e, nil
}

// MemberID returns the member of a foreign record's JSON object that is its id, or "" where there is none: a string or
// a number, that CloudEvents takes for an id.
func MemberID(value []byte, name string) string {
	v := jsontext.Value(value)
	if v.Kind() != '{' || !v.IsValid(jsontext.AllowDuplicateNames(true)) {
		return ""
	}
	r := newReader(value)
	if _, err := r.dec.ReadToken(); err != nil {
		return ""
	}
	for r.dec.PeekKind() == '"' {
		key, err := r.dec.ReadValue()
		if err != nil {
			return ""
		}
		isID := unquote(key) == name
		member, err := r.dec.ReadValue()
		if err != nil {
			return ""
		}
		if !isID {
			continue
		}
		id := ""
		switch member.Kind() {
		case '"':
			id = strings.Clone(unquote(member)) // the value is the event's data, which a handler may change
		case '0':
			id = string(member)
		}
		if id == "" || textProblem(id) != "" {
			return ""
		}
		return id
	}
	return ""
}
