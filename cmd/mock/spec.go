package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// spec is what the mock reads of an OpenAPI document.
type spec struct {
	Paths      map[string]map[string]*operation
	Components struct {
		Examples  map[string]example
		Headers   map[string]header
		Responses map[string]response
	}
}

// operation is a method on a path.
type operation struct {
	RequestBody struct{ Content map[string]json.RawMessage }
	Responses   map[string]response
}

type response struct {
	Ref     string `json:"$ref"`
	Headers map[string]header
	Content map[string]content
}

type content struct {
	Schema   struct{ Type string }
	Examples map[string]example
}

type example struct {
	Ref   string `json:"$ref"`
	Value json.RawMessage
}

type header struct {
	Ref     string `json:"$ref"`
	Example any
}

// readSpec reads a document and follows its references.
func readSpec(document []byte) (*spec, error) {
	s := &spec{}
	if err := json.Unmarshal(document, s); err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	for path, operations := range s.Paths {
		for method, op := range operations {
			for status, answer := range op.Responses {
				if answer.Ref != "" {
					answer = s.Components.Responses[last(answer.Ref)]
				}
				resolved := response{Headers: map[string]header{}, Content: map[string]content{}}
				for name, h := range answer.Headers {
					if h.Ref != "" {
						h = s.Components.Headers[last(h.Ref)]
					}
					resolved.Headers[name] = h
				}
				for media, c := range answer.Content {
					examples := map[string]example{}
					for name, e := range c.Examples {
						if e.Ref != "" {
							e = s.Components.Examples[last(e.Ref)]
						}
						if e.Value == nil {
							return nil, fmt.Errorf("read OpenAPI document: %s %s %s has no value for the example %s", method, path,
								status, name)
						}
						examples[name] = e
					}
					resolved.Content[media] = content{c.Schema, examples}
				}
				op.Responses[status] = resolved
			}
		}
	}
	return s, nil
}

// last is the name at the end of a reference.
func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// find returns the template that a path is of, with a plain word in place of its parameter, and the operations there. A
// parameter is the rest of the path, as ids may have slashes.
func (s *spec) find(path string) (plain string, operations map[string]*operation) {
	if operations = s.Paths[path]; operations != nil {
		return path, operations
	}
	for _, template := range slices.Sorted(maps.Keys(s.Paths)) {
		prefix, _, has := strings.Cut(template, "{")
		if has && strings.HasPrefix(path, prefix) && len(path) > len(prefix) {
			return prefix + "word", s.Paths[template]
		}
	}
	return "", nil
}

// statuses are those that an operation is described to answer with, in order.
func (o *operation) statuses() (all []int) {
	for status := range o.Responses {
		if code, err := strconv.Atoi(status); err == nil {
			all = append(all, code)
		}
	}
	slices.Sort(all)
	return all
}

// success is the status without anything else being asked for: the lowest.
func (o *operation) success() int { return o.statuses()[0] }

// allowed are the methods of a path, as Allow has them.
func allowed(operations map[string]*operation) string {
	methods := []string{"OPTIONS"}
	for method := range operations {
		methods = append(methods, strings.ToUpper(method))
		if method == "get" {
			methods = append(methods, "HEAD")
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
