package api

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/swaggest/swgui/v5emb"
)

//go:embed pages
var pages embed.FS

const (
	// Swagger UI styles its elements in place; all else is the page's own, and nothing comes from elsewhere.
	docsPolicy    = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
	problemPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

// documentation are the routes that explain the others. All they send is made at the start.
func documentation() []route {
	asJSON, asYAML := openAPIDocuments()
	kinds := map[string]*document{}
	for _, k := range catalogue {
		kinds[k.Name] = newPage(render("problem", struct {
			Kind    *kind
			Example string
		}{k, exampleOf(k)}), problemPolicy)
	}
	get := func(path, open string, handler fiber.Handler) route {
		return route{fiber.MethodGet, path, open, chain(handler)}
	}
	assets := v5emb.New("", "", "/docs/assets")
	return []route{
		get("/openapi.json", "", asJSON.send),
		get("/openapi.yaml", "", asYAML.send),
		get("/docs", "", newPage(file("docs.html"), docsPolicy).send),
		get("/docs/start.js", "-", newDocument("text/javascript; charset=utf-8", file("start.js")).send),
		get("/docs/assets/:file", "-", adaptor.HTTPHandler(assets)),
		get("/docs/problems", "", newPage(render("problems", catalogue), problemPolicy).send),
		get("/docs/problems/:name", "/docs/problems/{name}", func(c *fiber.Ctx) error {
			if page, found := kinds[c.Params("name")]; found {
				return page.send(c)
			}
			return newProblem(notFound, "there is no problem of this name; /docs/problems lists those there are")
		}),
	}
}

var templates = template.Must(template.ParseFS(pages, "pages/problem.html"))

func render(name string, data any) []byte {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		panic(fmt.Sprintf("render %s: %v", name, err)) // made of constants, at the start
	}
	return page.Bytes()
}

func file(name string) []byte {
	content, err := pages.ReadFile("pages/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return content
}

// exampleHost stands for wherever the service runs.
const exampleHost = "https://api.example.com"

// exampleProblem is what the service would answer with.
func exampleProblem(k *kind) *problem {
	p := newProblem(k, k.Detail)
	p.locate(exampleHost)
	p.Instance, p.RequestID = "/v1/events", "7b6c2f9e-6b0f-4f4e-8a53-0f8a4a4f4d11"
	switch k {
	case invalidEvent:
		p.Errors = []fieldError{{Pointer: "/type", Detail: "is required and must not be empty"}}
	case schemaViolation:
		p.Errors = []fieldError{{Pointer: "/data/amount", Detail: "got string, want integer"}}
	case schemaUnknown:
		p.Errors = []fieldError{{Pointer: "/type", Detail: "must be a type that has a schema"}}
	case invalidParameter:
		p.Instance = "/v1/current_time?name=" + "x%00"
		p.Errors = []fieldError{{Parameter: "name", Detail: "must not contain control characters"}}
	case notKnown, storeUnavailable, noOutcomes:
		p.Instance = "/v1/events/order-1?source=%2Forders"
	case batchRefused:
		p.results(newProblem(invalidEvent, invalidEvent.Detail))
	case batchUnavailable:
		p.results(newProblem(outcomeUnknown, outcomeUnknown.Detail))
	}
	return p
}

// results makes p the problem of a batch of one.
func (p *problem) results(one *problem) {
	accepted, rejected := 0, 1
	one.locate(exampleHost)
	p.Accepted, p.Rejected = &accepted, &rejected
	p.Results = []batchResult{{ID: "order-1", Status: one.Status, Problem: &one.eventProblem}}
}

func exampleOf(k *kind) string {
	text, err := json.MarshalIndent(exampleProblem(k), "", "  ")
	if err != nil {
		panic(err) // made of constants
	}
	return string(text)
}
