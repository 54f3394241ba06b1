package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// operations are all operations of the document, in any order: paths are sorted later.
func (d *description) operations() []*huma.Operation {
	ops := []*huma.Operation{d.postOperation(), d.outcomeOperation()}
	ops = append(ops, d.greetings()...)
	ops = append(ops, d.healthOperations()...)
	ops = append(ops, d.schemaOperations()...)
	ops = append(ops, d.files()...)
	return ops
}

// get is a GET operation that is answered with 200, or with a problem that any request may get.
func (d *description) get(path, tag, summary string, answer *huma.Response, kinds ...*kind) *huma.Operation {
	id := strings.Trim(strings.NewReplacer("/", "-", "_", "-", ".", "-", "{", "", "}", "").Replace("get"+path), "-")
	op := &huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary,
		Responses: map[string]*huma.Response{"200": answer}}
	return d.problems(op, append(kinds, malformed, tooSlow, headersTooLarge, internalError)...)
}

func (d *description) greetings() (ops []*huma.Operation) {
	hello := map[string]*huma.Example{"hello": example("Always the same", helloAnswer{"Hello World!"})}
	now := map[string]*huma.Example{"time": example("Asked with name=Ada",
		currentTimeAnswer{"0b6f5f3e-2f35-4b0e-9a5d-1b9a3a1f6a11", "Hello Ada", "2026-01-31T12:00:00Z"})}
	for _, version := range []struct {
		prefix string
		more   []*kind
	}{{"", nil}, {"/v1", []*kind{notAcceptable}}} {
		common := append([]*kind{rateLimited, overloaded}, version.more...)
		ops = append(ops, d.get(version.prefix+"/hello", "greetings", "Says hello",
			d.answer("A greeting.", d.schemaOf(helloAnswer{}), hello, "RateLimit", "RateLimit-Policy"), common...))
		op := d.get(version.prefix+"/current_time", "greetings", "Tells the time, and publishes that it was asked",
			d.answer("The time, once the event current_time.requested is stored.", d.schemaOf(currentTimeAnswer{}), now,
				"Cache-Control", "RateLimit", "RateLimit-Policy"),
			append(common, keyNeeded, invalidParameter, kafkaRefuses, notSent, outcomeUnknown)...)
		op.Parameters = []*huma.Param{{Name: "name", In: "query", Description: "Who asks: at most 256 bytes, no control " +
			"characters",
			Schema: &huma.Schema{Type: "string", MaxLength: ptr(256), Default: "World"}, Example: "Ada"}}
		ops = append(ops, protected(op))
	}
	return ops
}

func (d *description) healthOperations() (ops []*huma.Operation) {
	live := map[string]*huma.Example{"healthy": example("It lives", liveAnswer{healthy})}
	for _, path := range livePaths {
		op := d.get(path, "health", "Whether the process lives",
			d.answer("It does. Nothing else is asked.", d.schemaOf(liveAnswer{}), live, "Cache-Control"))
		ops = append(ops, op)
	}
	look := healthAnswer{Status: healthy, Timestamp: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Version: "1.4.0",
		Commit: "9fceb02d0ae598e95dc970b74767f19372d61af8",
		Dependencies: dependencies{Kafka: dependency{healthy, 1.8}, Store: &dependency{healthy, 4.2},
			Database: &dependency{healthy, 4.2}},
		Metrics: healthMetrics{86400.5, 48.2, 12.5}}
	down := look
	down.Status, down.Dependencies.Kafka.Status = unhealthy, unhealthy
	for _, path := range readyPaths {
		op := d.get(path, "health", "How the service and its dependencies are",
			d.answer("Requests are welcome: healthy, or degraded.", d.schemaOf(healthAnswer{}),
				map[string]*huma.Example{"healthy": example("All is well", look)}, "Cache-Control"))
		op.Responses["503"] = d.answer("Send requests elsewhere: unhealthy, or draining before it ends.",
			d.schemaOf(healthAnswer{}),
			map[string]*huma.Example{"unhealthy": example("Kafka does not answer", down)}, "Cache-Control", "Retry-After")
		ops = append(ops, op)
	}
	return ops
}

func (d *description) schemaOperations() []*huma.Operation {
	list := schemaList{[]schemaLink{{Type: "order.placed", URL: exampleHost + schemaPath("order.placed")}}}
	one := d.get("/v1/schemas/{type}", "schemas", "The JSON Schema of an event type", &huma.Response{
		Description: "A JSON Schema (2020-12).", Headers: headers("ETag", "Cache-Control", "RateLimit", "RateLimit-Policy"),
		Content: map[string]*huma.MediaType{
			"application/schema+json": {Schema: &huma.Schema{Type: "object", AdditionalProperties: true}}},
	}, notFound, rateLimited, overloaded)
	one.Parameters = []*huma.Param{{Name: "type", In: "path", Required: true, Description: "Event type",
		Schema: &huma.Schema{Type: "string", MinLength: ptr(1)}, Example: "order.placed"}}
	conditional(one)
	return []*huma.Operation{one, d.get("/v1/schemas", "schemas", "The event types that have a schema",
		d.answer("The types.", d.schemaOf(list), map[string]*huma.Example{"one": example("One type", list)}, "Cache-Control",
			"RateLimit", "RateLimit-Policy"),
		notAcceptable, rateLimited, overloaded)}
}

// files are answered in their own media type.
func (d *description) files() (ops []*huma.Operation) {
	for _, f := range []struct{ path, summary, media string }{
		{"/openapi.json", "This document", mediaJSON},
		{"/openapi.yaml", "This document in YAML", "application/yaml"},
		{"/docs", "This document as a page", "text/html"},
		{"/docs/problems", "All problems", "text/html"},
		{"/docs/problems/{name}", "What a problem means and what to do", "text/html"},
	} {
		answer := fileAnswer(f.summary+".", f.media, "ETag", "Cache-Control", "RateLimit", "RateLimit-Policy")
		if strings.HasPrefix(f.path, "/openapi") {
			answer.Content[f.media].Schema = &huma.Schema{Type: "object", AdditionalProperties: true}
		}
		op := conditional(d.get(f.path, "documentation", f.summary, answer, rateLimited, overloaded))
		if strings.Contains(f.path, "{") {
			op.Parameters = append(op.Parameters,
				&huma.Param{Name: "name", In: "path", Required: true, Description: "The last part of a problem's type",
					Schema: &huma.Schema{Type: "string", MinLength: ptr(1)}, Example: rateLimited.Name})
			d.problems(op, notFound)
		}
		ops = append(ops, op)
	}
	metrics := d.get("/v1/metrics", "health", "Metrics in the Prometheus text format",
		fileAnswer("Metrics.", "text/plain", "RateLimit", "RateLimit-Policy"),
		keyNeeded, rateLimited, overloaded)
	return append(ops, protected(metrics))
}

// conditional operations answer 304 to clients that have the answer already.
func conditional(op *huma.Operation) *huma.Operation {
	op.Responses["304"] = &huma.Response{Description: "It is the one that If-None-Match names.",
		Headers: headers("ETag", "Cache-Control", "RateLimit", "RateLimit-Policy")}
	op.Parameters = append(op.Parameters,
		&huma.Param{Name: "If-None-Match", In: "header", Description: "The ETag of an answer before",
			Schema: &huma.Schema{Type: "string"}})
	return op
}
