package api

import (
	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

// SchemaMode says what becomes of events whose type has no schema.
type SchemaMode string

// Data is held against the schema of its type in both.
const (
	SchemasOpen   SchemaMode = "open"   // they pass
	SchemasStrict SchemaMode = "strict" // they are refused
)

// checkSchema holds an event against the schema of its type, and notes the schema in the event.
func (s *Server) checkSchema(c *fiber.Ctx, e *event.Event, at place) error {
	if !s.schemas.Has(e.Type) {
		if s.cfg.SchemaMode != SchemasStrict {
			return nil
		}
		p := newProblem(schemaUnknown, schemaUnknown.Detail)
		p.Errors = []fieldError{at.attribute("type", "must be a type that has a schema")}
		return p
	}
	violations := []schemas.Violation{{Expected: "data must be JSON, as its type has a JSON Schema"}}
	if e.HasJSONData() {
		var err error
		if violations, err = s.validate(c.UserContext(), e); err != nil {
			return err
		}
	}
	if len(violations) > 0 {
		p := newProblem(schemaViolation, schemaViolation.Detail)
		for _, v := range violations {
			p.Errors = append(p.Errors, fieldError{Pointer: at.data() + v.Pointer, Detail: v.Expected})
		}
		return p
	}
	if e.DataSchema == "" {
		e.DataSchema = s.baseURL(c) + schemaPath(e.Type)
	}
	return nil
}

// schemaPath: types are file names, and so are fit for a path.
func schemaPath(eventType string) string { return "/v1/schemas/" + eventType }

type schemaList struct {
	Schemas []schemaLink `json:"schemas" xml:"schema" nullable:"false"`
}

type schemaLink struct {
	Type string `json:"type" xml:"type" doc:"Event type" example:"order.placed"`
	URL  string `json:"url" xml:"url" format:"uri" doc:"Where its schema is; the dataschema of events that have none of their own" example:"https://api.example.com/v1/schemas/order.placed"`
}

func (s *Server) listSchemas(c *fiber.Ctx) error {
	list := schemaList{Schemas: []schemaLink{}}
	base := s.baseURL(c)
	for _, t := range s.schemas.Types() {
		list.Schemas = append(list.Schemas, schemaLink{Type: t, URL: base + schemaPath(t)})
	}
	if s.cfg.PublicURL == "" { // the links are made of the Host, which is anybody's word
		c.Set(fiber.HeaderCacheControl, "no-store")
	} else {
		c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	}
	return send(c, fiber.StatusOK, "schemas", list)
}

func (s *Server) getSchema(c *fiber.Ctx) error {
	d, found := s.schemaDocuments[c.Params("type")]
	if !found {
		return newProblem(notFound, "this type has no schema; GET /v1/schemas lists the types that have one")
	}
	return d.send(c)
}

// newSchemaDocuments are the schemas as they are sent.
func newSchemaDocuments(set *schemas.Set) map[string]*document {
	documents := map[string]*document{}
	for _, t := range set.Types() {
		documents[t] = newDocument("application/schema+json", set.Source(t))
	}
	return documents
}
