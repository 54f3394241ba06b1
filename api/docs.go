package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	swagger "github.com/swaggest/swgui/v5/static"
)

//go:embed pages
var pages embed.FS

const (
	// Swagger UI styles its elements in place; all else is the page's own, and nothing comes from elsewhere.
	docsPolicy    = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
	problemPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

// documentation are the routes that explain the others. The OpenAPI documents are made when they are first asked for: that
// takes longer than all else that a start of the service does.
func documentation(publicURL string) []route {
	openAPI := sync.OnceValues(func() (asJSON, asYAML *document) { return openAPIDocuments(publicURL) })
	kinds := map[string]*document{}
	for _, k := range catalogue {
		kinds[k.Name] = newPage(problemPage(k), problemPolicy)
	}
	get := func(path, open string, handler fiber.Handler) route {
		return route{fiber.MethodGet, path, open, chain(handler)}
	}
	return []route{
		get("/openapi.json", "", func(c *fiber.Ctx) error {
			asJSON, _ := openAPI()
			return asJSON.send(c)
		}),
		get("/openapi.yaml", "", func(c *fiber.Ctx) error {
			_, asYAML := openAPI()
			return asYAML.send(c)
		}),
		get("/docs", "", newPage(file("docs.html"), docsPolicy).send),
		get("/docs/start.js", "-", newDocument("text/javascript; charset=utf-8", file("start.js")).send),
		get("/docs/assets/:file", "-", asset),
		get("/docs/problems", "", newPage(problemList(), problemPolicy).send),
		get("/docs/problems/:name", "/docs/problems/{name}", func(c *fiber.Ctx) error {
			if page, found := kinds[c.Params("name")]; found {
				return page.send(c)
			}
			return newProblem(notFound, "there is no problem of this name; /docs/problems lists those there are")
		}),
	}
}

// problemPage explains one problem.
func problemPage(k *kind) []byte {
	retry := "No: the same request fails again."
	if k.Retry {
		retry = "Yes: the same request can succeed later. Wait as long as Retry-After says."
	}
	return append(fill("head.html", "{title}", k.Title), fill("problem.html", "{title}", k.Title, "{name}", k.Name,
		"{status}", strconv.Itoa(k.Status), "{phrase}", k.Phrase(), "{meaning}", k.Meaning, "{remedy}", k.Remedy,
		"{retry}", retry, "{example}", exampleOf(k))...)
}

// problemList leads to all of them.
func problemList() []byte {
	page := append(fill("head.html", "{title}", "Problems"), file("problems.html")...)
	for _, k := range catalogue {
		retry := "no"
		if k.Retry {
			retry = "yes"
		}
		page = append(page, fill("row.html", "{status}", strconv.Itoa(k.Status), "{path}", k.Path(), "{name}", k.Name,
			"{title}", k.Title, "{retry}", retry)...)
	}
	return append(page, "</table>\n</body>\n</html>\n"...)
}

// fill puts values, escaped, into a page. It is not html/template, because a binary that has that package keeps every
// method of every type in it: this one would grow by half.
func fill(name string, pairs ...string) []byte {
	for i := 1; i < len(pairs); i += 2 {
		pairs[i] = html.EscapeString(pairs[i])
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(file(name))))
}

// asset serves a file of Swagger UI. The library has most of them compressed, which every browser reads; who does not say
// so gets them as they were.
func asset(c *fiber.Ctx) error {
	name := c.Params("file")
	content, err := fs.ReadFile(swagger.FS, name)
	if err == nil {
		c.Type(path.Ext(name))
		return c.Send(content)
	}
	packed, err := fs.ReadFile(swagger.FS, name+".gz")
	if err != nil {
		return newProblem(notFound, "there is nothing at this path")
	}
	c.Type(path.Ext(name))
	c.Vary(fiber.HeaderAcceptEncoding)
	if c.AcceptsEncodings("gzip") == "gzip" {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(packed)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	return c.SendStream(unpacked)
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
