package event

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTooMany says that a batch holds more events than the caller takes.
var ErrTooMany = errors.New("too many events in one batch")

// ErrUnsupportedMedia says that a Content-Type is no wire format of events. The error that wraps it names those that
// are.
var ErrUnsupportedMedia = errors.New("unsupported media type")

// SyntaxError says that a body is not JSON of the expected shape. Where its events begin and end is then unknown.
type SyntaxError struct {
	Offset int64  // of the fault in the body, in bytes
	Detail string // what is wrong and what to do
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.Detail, e.Offset) }

// InvalidError has all that is wrong with one event, up to maxFaults faults. No part of such an event is published.
type InvalidError struct {
	Fields []FieldError
}

// FieldError is one fault. It has either Pointer or Header.
type FieldError struct {
	Pointer string // RFC 6901 JSON Pointer into the body, such as "/2/time"
	Header  string // name of an HTTP or Kafka header, such as "ce-id"
	Detail  string // what is wrong and what to do
}

// maxFaults bounds the list of faults: a fault takes some twenty times the bytes of the text that causes it.
const maxFaults = 16

// faults collects the faults of an event, the first of each place: later ones there are its consequences.
type faults []FieldError

func (f *faults) add(fault FieldError) {
	if len(*f) == maxFaults {
		return
	}
	for _, known := range *f {
		if known.Pointer == fault.Pointer && known.Header == fault.Header {
			return
		}
	}
	*f = append(*f, fault)
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Pointer + f.Header + ": " + f.Detail
	}
	return "invalid event: " + strings.Join(parts, "; ")
}
