// Package compat tells what a change of an event type's JSON Schema breaks: for those who read the events that are
// there, and for those who still read by the schema of before.
package compat

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Mode is whom a change must not break.
type Mode string

// The words are those of schema registries.
const (
	Backward Mode = "backward" // the new schema takes every event that the old one took
	Forward  Mode = "forward"  // the old schema takes every event that the new one takes
	Full     Mode = "full"     // both
)

// Check returns what a change breaks; nothing if none can.
func Check(mode Mode, old, updated map[string]any) (found []string) {
	if mode != Forward {
		for _, b := range Breaks(old, updated) {
			found = append(found, "backward: "+b)
		}
	}
	if mode != Backward {
		for _, b := range Breaks(updated, old) {
			found = append(found, "forward: "+b)
		}
	}
	return found
}

// Breaks returns why an event that is valid by the old schema may be invalid by the new one; nothing if none can be. It
// knows the keywords below and takes any other that is new or changed for a break, so that what it lets pass is
// certain, with one exception: a member that only the new schema names is taken to be new, as if no event had had it
// under an open schema.
func Breaks(old, updated map[string]any) []string {
	var c comparison
	c.compare("", old, updated)
	slices.Sort(c.breaks)
	return c.breaks
}

type comparison struct{ breaks []string }

func (c *comparison) add(at, format string, args ...any) {
	c.breaks = append(c.breaks, "#"+at+": "+fmt.Sprintf(format, args...))
}

// annotations say nothing of what is valid.
var annotations = []string{"$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated",
	"readOnly", "writeOnly"}

func (c *comparison) compare(at string, old, updated map[string]any) {
	for keyword, now := range updated {
		was, had := old[keyword]
		if slices.Contains(annotations, keyword) || had && reflect.DeepEqual(was, now) {
			continue
		}
		if keyword == "properties" {
			c.properties(at, object(was), object(now), updated["additionalProperties"])
			continue
		}
		c.keyword(at, keyword, was, had, now)
	}
	// A keyword that is gone is a rule less, unless others hang on it: members that "properties" no longer names come
	// under additionalProperties, which c.properties looks at.
	if _, has := updated["properties"]; !has {
		c.properties(at, object(old["properties"]), nil, updated["additionalProperties"])
	}
	for _, keyword := range []string{"patternProperties", "prefixItems", "minContains", "$defs", "$dynamicRef"} {
		if _, has := updated[keyword]; !has && old[keyword] != nil {
			c.add(at, "%s is gone", keyword)
		}
	}
	if (updated["unevaluatedProperties"] != nil || updated["unevaluatedItems"] != nil) &&
		!reflect.DeepEqual(old, updated) {
		c.add(at, "what other keywords leave over is restricted, and they have changed")
	}
}

func (c *comparison) keyword(at, keyword string, was any, had bool, now any) {
	switch keyword {
	case "required":
		for _, name := range list(now) {
			if !slices.Contains(list(was), name) {
				c.add(at, "%v has become required", name)
			}
		}
	case "type":
		for _, t := range oneOrMore(was) {
			// Every integer is a number, too.
			if !slices.Contains(oneOrMore(now), t) && (t != "integer" || !slices.Contains(oneOrMore(now), "number")) {
				c.add(at, "type %v is no longer allowed", t)
			}
		}
		if !had {
			c.add(at, "a type is demanded now")
		}
	case "enum":
		if !had {
			c.add(at, "values are listed now")
		}
		for _, v := range list(was) {
			if !slices.ContainsFunc(list(now), func(n any) bool { return reflect.DeepEqual(n, v) }) {
				c.add(at, "the value %v is no longer allowed", v)
			}
		}
	case "minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties":
		if !had || number(now) > number(was) {
			c.add(at, "%s is %v now", keyword, now)
		}
	case "maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties":
		if !had || number(now) < number(was) {
			c.add(at, "%s is %v now", keyword, now)
		}
	case "items":
		c.schema(at+"/items", was, now)
	case "additionalProperties":
		if now == true {
			return
		}
		c.add(at, "other members are restricted now")
	default:
		c.add(at, "%s has changed", keyword)
	}
}

// properties compares each member that the old schema names. One that is no longer named falls under others, the
// additionalProperties of the new one.
func (c *comparison) properties(at string, was, now map[string]any, others any) {
	for name, schema := range was {
		at := at + "/properties/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if next, kept := now[name]; kept {
			c.schema(at, schema, next)
		} else if others != nil && schema != false {
			c.schema(at, schema, others)
		}
	}
}

// schema compares two schemas of any form: an object, true, which takes everything, or false, which takes nothing.
func (c *comparison) schema(at string, was, now any) {
	switch {
	case was == false || now == true:
	case now == false:
		c.add(at, "is no longer allowed")
	default:
		c.compare(at, object(was), object(now))
	}
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func oneOrMore(v any) []any {
	if v == nil {
		return nil
	}
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func number(v any) float64 {
	f, _ := v.(float64)
	return f
}
