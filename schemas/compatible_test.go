package schemas

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
)

// Breaks returns why events that are valid by the old schema may be invalid by the new one; nothing if none can be. It
// knows the keywords below, and takes any other that is new or changed for a break, so that what it lets pass is sure.
func Breaks(old, updated map[string]any) []string {
	var c comparison
	c.compare("", old, updated)
	sort.Strings(c.breaks)
	return c.breaks
}

type comparison struct{ breaks []string }

func (c *comparison) add(at, format string, args ...any) {
	c.breaks = append(c.breaks, "#"+at+": "+fmt.Sprintf(format, args...))
}

// annotations say nothing of what is valid.
var annotations = []string{"$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}

func (c *comparison) compare(at string, old, updated map[string]any) {
	for keyword, now := range updated {
		was, had := old[keyword]
		if slices.Contains(annotations, keyword) || had && reflect.DeepEqual(was, now) {
			continue
		}
		c.keyword(at, keyword, was, had, now)
	}
	// What old had and updated has not is a rule less: more is valid. But members that "properties" no longer names come
	// under additionalProperties, which c.properties looks at.
	if _, has := updated["properties"]; !has {
		c.properties(at, object(old["properties"]), nil, updated["additionalProperties"])
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
		c.compare(at+"/items", object(was), object(now))
	case "properties":
		c.properties(at, object(was), object(now), nil)
	case "additionalProperties":
		if now == true {
			return
		}
		c.add(at, "other members are restricted now")
	default:
		c.add(at, "%s has changed", keyword)
	}
}

// properties compares each member that either names. A member that is new may have been sent before, as a schema that
// does not close its objects lets any pass; that is taken as a risk worth its use: no old event of this service's own
// making has it.
func (c *comparison) properties(at string, was, now map[string]any, others any) {
	for name, schema := range was {
		if next, kept := now[name]; kept {
			c.compare(at+"/properties/"+name, object(schema), object(next))
		} else if others == false {
			c.add(at, "the member %s is no longer allowed", name)
		}
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
