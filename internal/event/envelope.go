package event

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// envelope is an event while it is read. It writes into the Event's final place, which saves a copy.
type envelope struct {
	*Event
	index       int // of the event in its batch, or alone
	specversion string
	data        jsontext.Value // raw, nil: absent
	base64      string
	hasBase64   bool
	seen        uint16 // bits of the attributes that were read
	faults      faults
}

// alone is the index of an event outside a batch.
const alone = -1

// report notes a fault of the member name. inside is a JSON Pointer to the fault within that member.
func (v *envelope) report(name, detail string, inside ...string) {
	at := eventPointer(v.index) + "/" + escapePointer(Brief(name)) + strings.Join(inside, "")
	v.faults.add(FieldError{Pointer: Brief(at), Detail: detail})
}

// eventPointer is the RFC 6901 pointer to the event in the body. Only faults need it.
func eventPointer(index int) string {
	if index == alone {
		return ""
	}
	return "/" + strconv.Itoa(index)
}

// The attributes of the specification, by their bit in envelope.seen.
const (
	seenID = 1 << iota
	seenSource
	seenType
	seenSpecVersion
	seenSubject
	seenTime
	seenDataContentType
	seenDataSchema
	seenData
	seenBase64
)

// member reads one member of the JSON object.
func (v *envelope) member(name string, value jsontext.Value) {
	switch name {
	case "id":
		v.attribute(name, seenID, value, &v.ID)
	case "source":
		v.attribute(name, seenSource, value, &v.Source)
	case "type":
		v.attribute(name, seenType, value, &v.Type)
	case "specversion":
		v.attribute(name, seenSpecVersion, value, &v.specversion)
	case "subject":
		v.attribute(name, seenSubject, value, &v.Subject)
	case "time":
		v.attribute(name, seenTime, value, &v.Time)
	case "datacontenttype":
		v.attribute(name, seenDataContentType, value, &v.DataContentType)
	case "dataschema":
		v.attribute(name, seenDataSchema, value, &v.DataSchema)
	case "data":
		v.once(name, seenData)
		v.data = value
	case "data_base64":
		v.hasBase64 = value.Kind() != 'n'
		v.attribute(name, seenBase64, value, &v.base64)
	default:
		v.extension(name, value)
	}
}

func (v *envelope) once(name string, bit uint16) {
	if v.seen&bit != 0 {
		v.report(name, moreThanOnce)
	}
	v.seen |= bit
}

func (v *envelope) attribute(name string, bit uint16, value jsontext.Value, to *string) {
	v.once(name, bit)
	switch value.Kind() {
	case 'n': // section 2.2: null is the same as absent
		v.seen &^= bit
	case '"':
		*to = unquote(value)
		if *to == "" && bit&(seenSubject|seenTime|seenDataContentType|seenDataSchema) != 0 {
			v.report(name, "must not be empty; omit it instead")
		}
	default:
		v.report(name, "must be a JSON string")
	}
}

func (v *envelope) extension(name string, value jsontext.Value) {
	if fault := v.refuseExtension(name); fault != "" {
		v.report(name, fault)
		return
	}
	var canonical string
	switch value.Kind() {
	case 'n':
		return
	case '"':
		canonical = unquote(value)
	case 't', 'f':
		canonical = string(value)
	case '0':
		// Section 2.2: an Integer has 32 bits and no fraction.
		n, err := strconv.ParseInt(string(value), 10, 32)
		if err != nil {
			v.report(name, "must be a whole number from -2147483648 to 2147483647; send other numbers as a string")
			return
		}
		canonical = strconv.FormatInt(n, 10)
	default:
		v.report(name, "must be a string, a boolean or a whole number; move objects and arrays into data")
		return
	}
	v.Extensions = append(v.Extensions, Extension{Name: name, Value: canonical})
}

// fill sets what a plain event leaves out. It does not replace wrong values.
func (v *envelope) fill(defaults *Defaults) {
	if v.seen&seenSpecVersion == 0 {
		v.specversion, v.seen = SpecVersion, v.seen|seenSpecVersion
	}
	if v.seen&seenID == 0 && defaults.ID != nil {
		v.ID = defaults.ID()
	}
	if v.seen&seenSource == 0 {
		v.Source = defaults.Source
	}
	if v.seen&seenTime == 0 {
		v.Time = defaults.Time
	}
}

// finish turns the members that were read into an event. The error is nil or an *InvalidError.
func (v *envelope) finish() error {
	if v.specversion != SpecVersion && v.seen&seenSpecVersion != 0 {
		v.report("specversion", `must be "1.0"`)
	} else if v.seen&seenSpecVersion == 0 {
		v.report("specversion", `is required and must be "1.0"`)
	}
	v.decodeData()
	for _, p := range v.validateSent() {
		v.report(p.name, p.detail)
	}
	if len(v.faults) > 0 {
		*v.Event = Event{ID: v.ID, Source: v.Source} // enough to tell the client which event it was
		return &InvalidError{Fields: v.faults}
	}
	return nil
}

// decodeData follows section 3.1.2 of the JSON format.
func (v *envelope) decodeData() {
	switch {
	case v.data != nil && v.hasBase64:
		v.report("data_base64", "must not be sent with data; send one of the two")
	case v.hasBase64:
		data, err := base64.StdEncoding.DecodeString(v.base64)
		if err != nil {
			v.report("data_base64", "must be Base64 (RFC 4648, section 4, with padding)")
		}
		v.Data = data
	case v.data == nil:
	case !isUTF8(v.DataContentType):
		// Section 3.1.2 lets a receiver refuse what it can't encode. UTF-8 that is labelled with another charset would be
		// wrong data.
		v.report("data",
			"is UTF-8, as all of the body is, but datacontenttype names another charset; send the bytes as data_base64")
	case isJSONMediaType(v.DataContentType):
		v.Data = v.data
		if v.DataContentType == "" {
			// The content type is implicit in this format and must be explicit in others (section 3.1.2, last paragraph).
			v.DataContentType = "application/json"
		}
	case v.data.Kind() == '"':
		v.Data = []byte(unquote(v.data)) // of its own
	default:
		v.report("data", "must be a JSON string, as datacontenttype is not JSON; or send data_base64")
	}
}

// unquote returns the text of a valid JSON string. Without escapes it is a part of the body, which does not change.
func unquote(value jsontext.Value) string {
	if bytes.IndexByte(value, '\\') < 0 {
		return unsafe.String(unsafe.SliceData(value[1:]), len(value)-2)
	}
	text, _ := jsontext.AppendUnquote(nil, value) // the error only reports replaced characters
	return string(text)
}

// escapePointer follows RFC 6901, section 3.
func escapePointer(name string) string {
	if strings.IndexByte(name, '~') < 0 && strings.IndexByte(name, '/') < 0 {
		return name
	}
	return pointerEscapes.Replace(name)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
