package main

import (
	"fmt"
	"maps"
	"math"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
)

// sampler makes up a value that fits a JSON Schema, the same for the same n. It knows what schemas of events are made
// of; what it does not know it passes over, and the caller holds what came out against the schema.
type sampler struct {
	root map[string]any
	n    int
}

func (s sampler) value(schema map[string]any) any {
	if ref, ok := schema["$ref"].(string); ok {
		return s.value(s.follow(ref))
	}
	if value, ok := schema["const"]; ok {
		return value
	}
	for _, key := range []string{"enum", "examples"} {
		if values, ok := schema[key].([]any); ok && len(values) > 0 {
			return values[s.n%len(values)]
		}
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if choices, ok := schema[key].([]any); ok && len(choices) > 0 {
			if choice, ok := choices[s.n%len(choices)].(map[string]any); ok {
				return s.value(choice)
			}
		}
	}
	switch s.kind(schema) {
	case "object":
		return s.object(schema)
	case "array":
		return s.array(schema)
	case "string":
		return s.text(schema)
	case "integer":
		return int64(s.number(schema))
	case "number":
		return s.number(schema)
	case "boolean":
		return s.n%2 == 0
	}
	return nil
}

// kind is the first type of a schema that is not null.
func (sampler) kind(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if name, ok := one.(string); ok && name != "null" {
				return name
			}
		}
	}
	if schema["properties"] != nil {
		return "object"
	}
	return ""
}

// follow finds a reference within the document.
func (s sampler) follow(ref string) map[string]any {
	var at any = s.root
	for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		object, _ := at.(map[string]any)
		at = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	found, _ := at.(map[string]any)
	return found
}

func (s sampler) object(schema map[string]any) any {
	made := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	for i, name := range slices.Sorted(maps.Keys(properties)) {
		if of, ok := properties[name].(map[string]any); ok {
			made[name] = sampler{s.root, s.n + i}.value(of)
		}
	}
	return made
}

func (s sampler) array(schema map[string]any) any {
	made := []any{}
	items, _ := schema["items"].(map[string]any)
	for i := range int(number(schema, "minItems", 1)) {
		made = append(made, sampler{s.root, s.n + i}.value(items))
	}
	return made
}

// number goes round between its bounds, or from 0 to 999 where there are none.
func (s sampler) number(schema map[string]any) float64 {
	least, most := number(schema, "minimum", 0), number(schema, "maximum", math.MaxInt32)
	if exclusive, has := schema["exclusiveMinimum"].(float64); has {
		least = math.Floor(exclusive) + 1
	}
	if exclusive, has := schema["exclusiveMaximum"].(float64); has {
		most = math.Ceil(exclusive) - 1
	}
	if schema["minimum"] == nil && most < least {
		least = most - 999
	}
	step := number(schema, "multipleOf", 1)
	first := math.Ceil(least/step) * step
	steps := max(1, min(1000, math.Floor((most-first)/step)+1))
	return first + math.Mod(float64(s.n), steps)*step
}

func number(schema map[string]any, key string, otherwise float64) float64 {
	if value, ok := schema[key].(float64); ok {
		return value
	}
	return otherwise
}

func (s sampler) text(schema map[string]any) string {
	at := seedStart.Add(time.Duration(s.n) * time.Second)
	switch schema["format"] {
	case "date-time":
		return at.Format(time.RFC3339)
	case "date":
		return at.Format(time.DateOnly)
	case "time":
		return at.Format("15:04:05Z")
	case "duration":
		return fmt.Sprintf("PT%dS", s.n)
	case "uuid":
		return fmt.Sprintf("00000000-0000-4000-8000-%012x", s.n)
	case "email":
		return fmt.Sprintf("person-%d@example.com", s.n)
	case "uri", "uri-reference":
		return fmt.Sprintf("https://example.com/%d", s.n)
	case "hostname":
		return fmt.Sprintf("host-%d.example.com", s.n)
	case "ipv4":
		return fmt.Sprintf("192.0.2.%d", s.n%256)
	}
	if pattern, ok := schema["pattern"].(string); ok {
		if tree, err := syntax.Parse(pattern, syntax.Perl); err == nil {
			return s.matching(tree.Simplify())
		}
	}
	made := fmt.Sprintf("text-%d", s.n)
	if missing := int(number(schema, "minLength", 0)) - len(made); missing > 0 {
		made += strings.Repeat("x", missing)
	}
	if most := int(number(schema, "maxLength", math.MaxInt32)); len(made) > most {
		made = made[len(made)-most:] // the end tells them apart
	}
	return made
}

// matching is the shortest text of an expression, of which n chooses the letters.
func (s sampler) matching(e *syntax.Regexp) string {
	switch e.Op {
	case syntax.OpLiteral:
		return string(e.Rune)
	case syntax.OpCharClass:
		letter := e.Rune[0] // pairs of first and last
		return string(letter + rune(s.n)%min(e.Rune[1]-letter+1, 64))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpPlus, syntax.OpCapture:
		return s.matching(e.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(s.matching(e.Sub[0]), e.Min)
	case syntax.OpAlternate:
		return s.matching(e.Sub[s.n%len(e.Sub)])
	case syntax.OpConcat:
		text := ""
		for i, part := range e.Sub {
			text += sampler{s.root, s.n + i}.matching(part)
		}
		return text
	}
	return "" // anchors, and what may be missing
}
