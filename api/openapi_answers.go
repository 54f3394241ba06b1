package api

import (
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

func headerComponents() map[string]*huma.Header {
	header := func(description, example, pattern string) *huma.Header {
		return &huma.Header{Description: description, Schema: &huma.Schema{Type: "string", Pattern: pattern},
			Example: example}
	}
	return map[string]*huma.Header{
		"X-Request-Id": header("The request's id, in the logs too: the client's own if it sent a sane one",
			"7b6c2f9e-6b0f-4f4e-8a53-0f8a4a4f4d11", `^[A-Za-z0-9._:/+=-]{1,128}$`),
		"RateLimit-Policy": header("The limit: q events in w seconds. Only where there is one.", `"default";q=100;w=60`,
			`^"default";q=\d+;w=\d+$`),
		"RateLimit": header("What is left: r events now, all again in t seconds. Only where there is a limit.",
			`"default";r=42;t=17`, `^"default";r=\d+;t=\d+$`),
		"Retry-After": {Description: "Seconds to wait before the next try",
			Schema: &huma.Schema{Type: "integer", Minimum: ptr(1.0)}, Example: 1},
		"Location":         header("Where the outcome can be read", "/v1/events/order-1?source=%2Forders", `^/v1/events/.+$`),
		"WWW-Authenticate": header("How to send a key", `Bearer realm="event-processing-service"`, `^Bearer realm=`),
		"ETag":             header("For If-None-Match", `W/"Zm9vYmFyYmF6cXV4"`, `^W/".+"$`),
		"Cache-Control":    header("How long the answer may be kept", "no-store", ""),
	}
}

// headers refers to components.
func headers(names ...string) map[string]*huma.Header {
	h := map[string]*huma.Header{}
	for _, name := range append(names, "X-Request-Id") {
		h[name] = &huma.Header{Ref: "#/components/headers/" + name}
	}
	return h
}

func ptr[T any](v T) *T { return &v }

// problemComponents has an example of each kind.
func (d *description) problemComponents() {
	// Huma ignores embedded fields whose names are not exported.
	d.schemaOf(problem{})
	schemas := d.api.Components.Schemas.Map()
	whole, part := schemas["Problem"], schemas["EventProblem"]
	maps.Copy(whole.Properties, part.Properties)
	whole.Required = append(whole.Required, part.Required...)
	for _, k := range catalogue {
		d.api.Components.Examples[k.Name] = &huma.Example{Summary: k.Title, Description: k.Meaning, Value: exampleProblem(k)}
	}
	for status, kinds := range byStatus(catalogue) {
		if len(kinds) == 1 {
			d.api.Components.Responses[kinds[0].Name] = d.problemAnswer(status, kinds)
		}
	}
}

func byStatus(kinds []*kind) map[int][]*kind {
	m := map[int][]*kind{}
	for _, k := range kinds {
		m[k.Status] = append(m[k.Status], k)
	}
	return m
}

// problems adds answers for each status of kinds.
func (d *description) problems(op *huma.Operation, kinds ...*kind) *huma.Operation {
	for status, some := range byStatus(kinds) {
		answer := d.problemAnswer(status, some)
		if component := some[0].Name; len(some) == 1 && d.api.Components.Responses[component] != nil {
			answer = &huma.Response{Ref: "#/components/responses/" + component}
		}
		op.Responses[strconv.Itoa(status)] = answer
	}
	return op
}

func (d *description) problemAnswer(status int, kinds []*kind) *huma.Response {
	examples := map[string]*huma.Example{}
	lines := make([]string, len(kinds))
	names, retry := []string{"Cache-Control", "RateLimit", "RateLimit-Policy"}, false
	for i, k := range kinds {
		examples[k.Name] = &huma.Example{Ref: "#/components/examples/" + k.Name}
		lines[i] = "[" + k.Name + "](" + k.Path() + "): " + k.Title
		retry = retry || k.Retry
	}
	if retry {
		names = append(names, "Retry-After")
	}
	if status == http.StatusUnauthorized {
		names = append(names, "WWW-Authenticate")
	}
	schema := d.schemaOf(problem{})
	return &huma.Response{
		Description: http.StatusText(status) + ". " + strings.Join(lines, "; ") + ".",
		Headers:     headers(names...),
		Content: map[string]*huma.MediaType{
			mediaProblemJSON: {Schema: schema, Examples: examples},
			mediaProblemXML:  {Schema: schema},
		},
	}
}

// answer is an answer in JSON or XML.
func (d *description) answer(text string, schema *huma.Schema, examples map[string]*huma.Example,
	headerNames ...string) *huma.Response {
	content := map[string]*huma.MediaType{mediaJSON: {Schema: schema, Examples: examples}, mediaXML: {Schema: schema},
		mediaTextXML: {Schema: schema}}
	return &huma.Response{Description: text, Headers: headers(headerNames...), Content: content}
}

// file is an answer in one media type, whatever the client accepts.
func fileAnswer(text, media string, headerNames ...string) *huma.Response {
	return &huma.Response{Description: text, Headers: headers(headerNames...), Content: map[string]*huma.MediaType{
		media: {Schema: &huma.Schema{Type: "string"}},
	}}
}

func example(summary string, value any) *huma.Example {
	return &huma.Example{Summary: summary, Value: value}
}
