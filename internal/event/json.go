package event

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"event-processing-service/internal/jsonscan"
)

// Defaults are for what a plain JSON event leaves out. An empty field is no default.
type Defaults struct {
	ID     func() string // called only for an event without an id
	Source string
	Time   string // RFC 3339
}

// Decoded is one event of a batch, or the error that refused it.
type Decoded struct {
	Event Event
	Err   error // nil or *InvalidError
}

// ParseStructured reads one event in the JSON format (CloudEvents JSON format 1.0.2, section 3). Attributes and data
// are parts of body, which must not change afterwards and stays in memory as long as any of them. The error is a
// *SyntaxError or an *InvalidError.
func ParseStructured(body []byte) (Event, error) { return parseOne(body, nil) }

// ParsePlain reads one event in the JSON format that may leave out all but type: specversion is then 1.0, and defaults
// give the rest. See ParseStructured for body and errors.
func ParsePlain(body []byte, defaults Defaults) (Event, error) { return parseOne(body, &defaults) }

// parseOne reads one event. defaults are for what it leaves out; nil: it must be complete.
func parseOne(body []byte, defaults *Defaults) (Event, error) {
	d, ok := scanOne(body, defaults)
	if !ok {
		var err error
		if d, err = decodeOne(body, defaults); err != nil {
			return Event{}, err
		}
	}
	return d.Event, d.Err
}

func decodeOne(body []byte, defaults *Defaults) (d Decoded, err error) {
	r := newReader(body)
	if err := r.event(&d, alone, defaults); err != nil {
		return Decoded{}, err
	}
	return d, r.end()
}

// ParseBatch reads a JSON array of at most limit events (JSON format, section 4), or fails with ErrTooMany. If the
// JSON is broken it returns a *SyntaxError and no events. An invalid event does not affect the others.
func ParseBatch(body []byte, limit int) ([]Decoded, error) {
	if batch, ok := scanBatch(body, limit); ok {
		return batch, nil
	}
	return decodeBatch(body, limit)
}

// decodeBatch first finds where each event begins and ends, so that a fault inside one event does not affect the
// others.
func decodeBatch(body []byte, limit int) ([]Decoded, error) {
	s, batch := scanner{text: body}, []Decoded{}
	if !s.take('[') {
		return nil, faultOfBatch(body)
	}
	for more := !s.take(']'); more; more = s.take(',') {
		if len(batch) == limit {
			return nil, ErrTooMany
		}
		begin := s.at
		if !s.skip(jsonscan.Value(body[begin:])) {
			return nil, faultOfBatch(body)
		}
		batch = append(batch, Decoded{})
		d := &batch[len(batch)-1]
		// The slice ends with the event, because the decoder makes room behind what it reads.
		if err := newReader(body[begin:s.at:s.at]).event(d, len(batch)-1, nil); err != nil {
			// nothing else is wrong with a value that has an end
			const detail = "is nested too deeply, 10,000 levels are the limit"
			d.Event = Event{ID: d.Event.ID, Source: d.Event.Source}
			d.Err = &InvalidError{Fields: []FieldError{{Pointer: eventPointer(len(batch) - 1), Detail: detail}}}
		}
	}
	if len(batch) > 0 && !s.take(']') || !s.end() {
		return nil, faultOfBatch(body)
	}
	return batch, nil
}

// faultOfBatch says why a body is not a JSON array.
func faultOfBatch(body []byte) error {
	r := newReader(body)
	if kind := r.dec.PeekKind(); kind != '[' {
		return r.unexpected(kind, "a JSON array of events")
	}
	if err := r.dec.SkipValue(); err != nil {
		return r.syntax(err)
	}
	return r.end()
}

// reader reads events with a general decoder: those that scanner gives up, and those that are wrong.
type reader struct {
	dec *jsontext.Decoder
}

func newReader(body []byte) *reader {
	// The envelope must not have duplicate names; inside data they are the client's business, and looking for them would
	// double the cost. The decoder reads body in place because it is given a bytes.Buffer. brokenText looks for invalid
	// Unicode in each member, so that the error can name the place.
	return &reader{dec: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true))}
}

// event reads one event into d. The error means that the JSON is broken.
func (r *reader) event(d *Decoded, index int, defaults *Defaults) error {
	if kind := r.dec.PeekKind(); kind != '{' {
		if index == alone || kind == 0 {
			return r.unexpected(kind, "a JSON object, the event")
		}
		// An element that is not an object still ends where its value ends, so it is refused alone.
		if err := r.dec.SkipValue(); err != nil {
			return r.syntax(err)
		}
		d.Err = &InvalidError{Fields: []FieldError{{Pointer: eventPointer(index), Detail: "must be a JSON object, the " +
			"event"}}}
		return nil
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.syntax(err)
	}
	v := envelope{Event: &d.Event, index: index}
	for r.dec.PeekKind() != '}' {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return r.syntax(err)
		}
		name := unquote(raw)
		value, err := r.dec.ReadValue()
		if err != nil {
			return r.syntax(err)
		}
		for _, part := range []jsontext.Value{raw, value} {
			if at, broken := brokenText(part); broken {
				v.report(name, "must be Unicode text: the bytes are not UTF-8, or half of a character was cut off", at)
			}
		}
		v.member(name, slices.Clip(value))
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.syntax(err)
	}
	if defaults != nil {
		v.fill(defaults)
	}
	d.Err = v.finish()
	return nil
}

// brokenText tells whether value contains a string that is not valid Unicode, and where.
func brokenText(value jsontext.Value) (pointer string, broken bool) {
	strict := jsontext.NewDecoder(bytes.NewBuffer(value), jsontext.AllowDuplicateNames(true))
	for {
		_, err := strict.ReadToken()
		if err == nil {
			continue
		}
		var syntactic *jsontext.SyntacticError
		if errors.As(err, &syntactic) {
			return string(syntactic.JSONPointer), true
		}
		return "", false // the end
	}
}

// end fails if anything follows.
func (r *reader) end() error {
	_, err := r.dec.ReadToken()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return r.syntax(err)
	}
	return &SyntaxError{Offset: r.dec.InputOffset(),
		Detail: "the body continues after its JSON value; send one value only"}
}

func (r *reader) unexpected(kind jsontext.Kind, want string) error {
	if kind == 0 { // no JSON token: the decoder says why
		if _, err := r.dec.ReadToken(); err != nil {
			return r.syntax(err)
		}
	}
	return &SyntaxError{Offset: r.dec.InputOffset(), Detail: "the body must be " + want}
}

func (r *reader) syntax(err error) error {
	offset := r.dec.InputOffset()
	var syntactic *jsontext.SyntacticError
	detail := strings.TrimPrefix(err.Error(), "jsontext: ")
	if errors.As(err, &syntactic) {
		offset, detail = syntactic.ByteOffset, syntactic.Err.Error()
	}
	switch {
	case errors.Is(err, io.EOF): // the body ends where a token should begin
		return &SyntaxError{Offset: 0, Detail: "the body is empty; send an event"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		detail = "it ends too early"
	}
	return &SyntaxError{Offset: offset, Detail: "the body is not valid JSON: " + detail}
}
