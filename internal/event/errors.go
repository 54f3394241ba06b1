package event

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTooMany says that a batch holds more events than the caller takes.
var ErrTooMany = errors.New("too many events in one batch")

// ErrUnsupportedMedia says that no wire format goes with a Content-Type. It is wrapped with what would.
var ErrUnsupportedMedia = errors.New("unsupported media type")

// SyntaxError says that a body is not JSON of the expected shape, so that the bounds of its events are not certain.
type SyntaxError struct {
	Offset int64  // of the fault in the body, in bytes
	Detail string // what is wrong and what to do
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.Detail, e.Offset) }

// InvalidError says what is wrong with one event: everything, up to maxFaults. Nothing of such an event is published.
type InvalidError struct {
	Fields []FieldError
}

// FieldError is one fault. Exactly one of Pointer and Header names its place.
type FieldError struct {
	Pointer string // RFC 6901 JSON Pointer into the body, such as "/2/time"
	Header  string // name of an HTTP or Kafka header, such as "ce-id"
	Detail  string // what is wrong and what to do
}

// maxFaults bounds the list of faults, as each of them takes some twenty times the bytes that it takes to make one.
const maxFaults = 16

// faults collects what is wrong, one fault a place: the first, as what follows from it helps nobody.
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
