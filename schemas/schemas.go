// Package schemas holds the JSON Schemas (2020-12) of event types: one file a type, named after it. To add a type, add
// its file. A released schema has a copy in released/; one that no client relies on yet says "$comment": "draft". A
// change of a released schema must leave existing events valid: `eventctl schema check` compares it with its copy, and
// so does a test. After a change that breaks them on purpose, copy the file there.
//
// `go generate ./schemas` writes their Go types, for typed handlers.
package schemas

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:generate go run ./typegen/schematypes

//go:embed *.json
var files embed.FS

// Set is a compiled set of schemas. It is safe for concurrent use. The zero value has none.
type Set struct {
	types   []string
	schemas map[string]*schema
}

type schema struct {
	source   []byte
	compiled *jsonschema.Schema
}

// Violation is one thing in which data breaks its schema.
type Violation struct {
	Pointer  string // RFC 6901, into the data; "" is all of it
	Expected string
	Demand   string // Expected in words of the schema alone, without values of the data
}

// Embedded returns the schemas of this repository.
func Embedded() (*Set, error) { return Load(files) }

// Load compiles the schemas of all .json files at the top of dir. A schema may not refer to another file: what a type
// means must not hang on what the network answers.
func Load(dir fs.FS) (*Set, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	set := &Set{schemas: map[string]*schema{}}
	for _, name := range names {
		source, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("read schema: %w", err) // which names the file
		}
		compiled, err := compile(name, source)
		if err != nil {
			return nil, fmt.Errorf("compile schema %s: %w", name, err)
		}
		eventType := strings.TrimSuffix(path.Base(name), ".json")
		set.types = append(set.types, eventType)
		set.schemas[eventType] = &schema{source: source, compiled: compiled}
	}
	slices.Sort(set.types)
	return set, nil
}

func compile(name string, source []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat() // "format" is there to be held
	c.UseLoader(noLoader{})
	if err := c.AddResource("schema:"+name, document); err != nil {
		return nil, err
	}
	return c.Compile("schema:" + name)
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("refer to %s: schemas stand alone", url)
}

// Types are the event types with a schema, in alphabetical order.
func (s *Set) Types() []string { return s.types }

// Has tells whether a type has a schema.
func (s *Set) Has(eventType string) bool { return s.schemas[eventType] != nil }

// Source returns the schema of a type as it stands in its file, or nil.
func (s *Set) Source(eventType string) []byte {
	if found := s.schemas[eventType]; found != nil {
		return found.source
	}
	return nil
}

// maxViolations bounds what is told of one event: the list must not be longer than the data.
const maxViolations = 16

// Validate returns in what the JSON text data breaks the schema of its type, at most 16 faults; nothing if the type has
// no schema.
func (s *Set) Validate(eventType string, data []byte) []Violation {
	found := s.schemas[eventType]
	if found == nil {
		return nil
	}
	if data == nil {
		return []Violation{demand("", "data is required, as the type has a schema")}
	}
	if found := unreadable(data); found != nil {
		return found
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return []Violation{demand("", "data must be valid JSON")}
	}
	var invalid *jsonschema.ValidationError
	if err := found.compiled.Validate(value); errors.As(err, &invalid) {
		return leaves(nil, invalid)
	}
	return nil
}

var english = message.NewPrinter(language.English)

// leaves are the faults themselves; their parents only say that there are some.
func leaves(to []Violation, e *jsonschema.ValidationError) []Violation {
	if len(e.Causes) == 0 {
		return append(to, Violation{pointer(e.InstanceLocation), brief(e.ErrorKind.LocalizedString(english)),
			brief(demandOf(e.ErrorKind))})
	}
	for _, cause := range e.Causes {
		if len(to) == maxViolations {
			break
		}
		to = leaves(to, cause)
	}
	return to
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(escape.Replace(brief(t)))
	}
	return brief(b.String())
}
