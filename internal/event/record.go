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

// PlaceID is the id of a record that has none of its own: "topic/partition/offset@milliseconds", where the
// milliseconds are the record's timestamp, because a recreated topic repeats offsets. Without a timestamp it is the
// place alone.
func (r *Record) PlaceID() string {
	if r.Timestamp.UnixMilli() < 0 { // the zero time, too
		return r.String()
	}
	return r.String() + "@" + strconv.FormatInt(r.Timestamp.UnixMilli(), 10)
}

// foreignSource begins the sources of foreign records, and no other source.
const foreignSource = "/kafka/"

// ForeignSource is the source of the foreign records of a topic.
func ForeignSource(topic string) string { return foreignSource + topic }

// FollowUpSource is the source of events that handlers publish. Their ids are derived from the ids of their causes, so
// they can be guessed; therefore no client with a key may post under this source.
const FollowUpSource = "/event-processing-service/processor"

// ClientHeader is the header of a record that names the client whose key the event was posted with. It is not an
// attribute of the event, because only the API may set it.
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

// AppendHeaders appends the event's attributes to headers, as headers of a Kafka record in binary mode (CloudEvents
// Kafka binding 1.0.2, section 3.2). It appends their values to text, and the headers refer to parts of it. It is
// generic over the client library's header type, which saves a copy.
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

// extensionHeader allocates no string for partitionkey, by far the most frequent extension.
func extensionHeader(name string) string {
	if name == "partitionkey" {
		return "ce_partitionkey"
	}
	return "ce_" + name
}

// FromRecord reads the event of a Kafka record: structured mode if content-type says so, binary mode if there are ce_
// headers. Any other record is foreign and becomes an event with id PlaceID, source ForeignSource and type
// ForeignType. The event keeps the record's value. The error is a *SyntaxError or an *InvalidError, or wraps
// ErrUnsupportedMedia.
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

// contradicted says where headers beside a structured event name another event. The binding allows such headers
// (section 3.3.3), but a consumer that reads only headers must see the same event as the processor.
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

// mediaType does not allocate for the most frequent type.
func mediaType(value []byte) string {
	if string(value) == "application/json" {
		return "application/json"
	}
	return string(value)
}

// detach copies the attributes of e. The store keeps them longer than the record, and they would keep the record's
// value in memory.
func (e *Event) detach() {
	for _, s := range []*string{&e.ID, &e.Source, &e.Type, &e.Subject, &e.Time, &e.DataContentType, &e.DataSchema} {
		*s = strings.Clone(*s)
	}
	for i := range e.Extensions {
		x := &e.Extensions[i]
		x.Name, x.Value = strings.Clone(x.Name), strings.Clone(x.Value)
	}
}

// maxShared is the length up to which an attribute shares one allocation with the others. An attribute keeps the whole
// allocation in memory, so longer ones get their own.
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
	e.Data = r.Value // an empty value is not the same as no value
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
	// A negative timestamp is Kafka's -1 for none. RFC 3339 ends with the year 9999, which a producer exceeds that takes
	// microseconds for milliseconds. Neither is a reason to lose the record.
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
	if v.faults != nil { // only if Kafka would refuse the topic's name
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
			id = strings.Clone(unquote(member)) // a handler may change the value, which is the event's data
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
