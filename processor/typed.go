package processor

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"event-processing-service/internal/event"
)

// On registers a handler that gets the event's data as a T, as Mux.Handle does. If the data is not JSON, or does not
// fit T, the event becomes a dead letter at once, with the place in the data and what is expected there. Members that
// T does not have are ignored; a field of T that the data lacks keeps its zero value.
//
// Names of members are case-sensitive, as in JSON Schema, unless the field's tag says "case:ignore". An object that
// has one name twice is refused, even if T does not have that member.
func On[T any](mux *Mux, pattern string, f func(ctx context.Context, e event.Event, data T) error, options ...Option) {
	var takes T
	told := &registration{} // for its upcasts
	for _, option := range options {
		option(told)
	}
	for _, u := range told.upcasts {
		require(u.makes == fmt.Sprintf("%T", takes), "the upcast of %s makes a %s, and the handler takes a %T",
			u.version, u.makes, takes)
	}
	mux.HandleFunc(pattern, func(ctx context.Context, e event.Event) error {
		var data T
		var err error
		if older := told.upcastFor(&e); older != nil {
			var made any
			made, err = older.decode(&e)
			data, _ = made.(T)
		} else {
			data, err = decodeData[T](&e)
		}
		if err != nil {
			return Permanent(err)
		}
		return f(ctx, e, data)
	}, options...)
}

func decodeData[T any](e *event.Event) (data T, err error) {
	switch {
	case !e.HasJSONData():
		return data, fmt.Errorf("read data: it is %s, want JSON", e.DataContentType)
	case len(e.Data) == 0:
		return data, errors.New("read data: the event has none")
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return data, describeMismatch(err)
	}
	return data, nil
}

// describeMismatch says where the data does not fit, and what would fit. It shows no data, except names in the
// pointer, because the text goes into logs and into a header of the dead letter.
func describeMismatch(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return fmt.Errorf("read data at %s: want %s, not %s",
			pointer(semantic.JSONPointer), expectation(semantic), kindName(semantic.JSONKind))
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return fmt.Errorf("read data at %s: invalid JSON at byte %d", pointer(syntactic.JSONPointer), syntactic.ByteOffset)
	}
	return errors.New("read data: invalid JSON") // an error of T's own method may quote the data
}

func pointer(p jsontext.Pointer) string {
	if p == "" {
		return "its top"
	}
	return string(p)
}

func expectation(err *json.SemanticError) string {
	t := err.GoType
	if t == nil {
		return "another value"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if says, ok := reflect.New(t).Interface().(interface{ Expectation() string }); ok {
		return says.Expectation() // a type that describes itself, such as schemas.Date
	}
	switch t.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number (" + t.String() + ")"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0 (" + t.String() + ")"
	case reflect.Float32, reflect.Float64:
		return "a number (" + t.String() + ")"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map:
		return "an object"
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "a time, such as 2026-01-31T12:00:00Z"
		}
		if _, reads := reflect.New(t).Interface().(encoding.TextUnmarshaler); !reads {
			return "an object"
		}
	}
	return t.String()
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "this string"
	case '0':
		return "this number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "this"
}
