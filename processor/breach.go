package processor

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

// breach says where the event's data breaks the schema of its type, in the schema's words only: the text goes into
// logs and into a header of the dead letter, which must not show data. It returns nil without Config.Schemas, and if
// the handler accepts the data's older version.
func (c Config) breach(e *event.Event, handler *registration) error {
	if c.Schemas == nil || !c.Schemas.Has(e.Type) || handler != nil && handler.upcastFor(e) != nil {
		return nil
	}
	violations := []schemas.Violation{{Demand: "want JSON"}}
	if e.HasJSONData() {
		violations = c.Schemas.Validate(e.Type, e.Data)
	}
	if len(violations) == 0 {
		return nil
	}
	said := make([]string, len(violations))
	for i, v := range violations {
		said[i] = "at " + v.Pointer + ": " + v.Demand
		if v.Pointer == "" {
			said[i] = "at its top: " + v.Demand
		}
	}
	return fmt.Errorf("data breaks the schema of %s: %s", e.Type, strings.Join(said, "; "))
}

// held is breach, except that with Config.SchemasWarn it only logs it.
func (j *job) held(ctx context.Context) error {
	err := j.cfg.breach(&j.event, j.handler)
	if err == nil || !j.cfg.SchemasWarn {
		return err
	}
	j.log.LogAttrs(ctx, slog.LevelWarn, "event breaks its schema",
		j.attrs(0, slog.String("error", event.Shorten(err.Error())))...)
	return nil
}

// upcast turns data of an older version into a handler's own type.
type upcast struct {
	version string
	decode  func(e *event.Event) (any, error)
	makes   string // the type
}

// upcastFor returns the upcast of the event's dataschema, or nil.
func (r *registration) upcastFor(e *event.Event) *upcast {
	for i := range r.upcasts {
		if strings.HasSuffix(e.DataSchema, r.upcasts[i].version) {
			return &r.upcasts[i]
		}
	}
	return nil
}

// Upcast lets a handler that On registers take data of an older version: if an event's dataschema ends in version,
// such as "/order.created/1", its data is decoded as an Old, and f makes a T of it. Data that does not fit Old, or for
// which f fails, makes the event a dead letter at once. Such data is not checked against Config.Schemas, which has the
// newest version.
func Upcast[Old, T any](version string, f func(old Old) (T, error)) Option {
	require(version != "" && f != nil, "an upcast must have a version and a function")
	decode := func(e *event.Event) (any, error) {
		old, err := decodeData[Old](e)
		if err != nil {
			return nil, err
		}
		data, err := f(old)
		if err != nil {
			return nil, fmt.Errorf("bring data of version %s up to date: %w", version, err)
		}
		return data, nil
	}
	var made T
	return func(r *registration) {
		r.upcasts = append(r.upcasts, upcast{version: version, decode: decode, makes: fmt.Sprintf("%T", made)})
	}
}
