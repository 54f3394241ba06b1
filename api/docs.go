package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"mime"
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
	// Swagger UI has inline styles. Everything else is the page's own, and nothing is loaded from other hosts.
	docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"connect-src 'self'; frame-ancestors 'none'"
	problemPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

// documentation are the routes that explain the others. The OpenAPI documents are made at the first request for them,
// as that takes longer than everything else at the start of the service.
func documentation(publicURL string, table deprecations) []route {
	openAPI := sync.OnceValues(func() (asJSON, asYAML *document) {
		return openAPIDocuments(publicURL, table)
	})
	kinds := map[string]*document{}
	for _, k := range catalogue {
		kinds[k.Name] = newPage(problemPage(k), problemPolicy)
	}
	get := func(path, open string, handler fiber.Handler) route {
		return route{fiber.MethodGet, path, open, chain(handler)}
	}
	index, indexPage := newIndex()
	return []route{
		get("/", "-", func(c *fiber.Ctx) error {
			c.Vary(fiber.HeaderAccept)
			if c.Accepts(mediaJSON, fiber.MIMETextHTML) == fiber.MIMETextHTML {
				return indexPage.send(c)
			}
			return index.send(c)
		}),
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
		get("/docs/assets/:file", "-", assets()),
		get("/docs/problems", "", newPage(problemList(), problemPolicy).send),
		get("/docs/problems/:name", "/docs/problems/{name}", func(c *fiber.Ctx) error {
			if page, found := kinds[c.Params("name")]; found {
				return page.send(c)
			}
			return newProblem(notFound, "no problem has this name; /docs/problems lists all of them")
		}),
	}
}

// newIndex answers GET / with what the service offers: JSON for programs, a page for people.
func newIndex() (forPrograms, forPeople *document) {
	links := []struct{ name, path, what string }{
		{"documentation", "/docs", "The API's documentation"},
		{"openapi", "/openapi.json", "The same as an OpenAPI document"},
		{"problems", "/docs/problems", "What each error means"},
		{"health", "/v1/health", "How the service is"},
	}
	members := []string{`"service":"event-processing-service"`}
	page := append(fill("head.html", "{title}", "event-processing-service"),
		"<h1>event-processing-service</h1>\n<ul>\n"...)
	for _, l := range links {
		members = append(members, fmt.Sprintf("%q:%q", l.name, l.path))
		page = fmt.Appendf(page, "<li><a href=\"%s\">%s</a></li>\n", l.path, l.what)
	}
	return newDocument(mediaJSON, []byte("{"+strings.Join(members, ",")+"}")),
		newPage(append(page, "</ul>\n</body>\n</html>\n"...), problemPolicy)
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

// problemList lists all problems, with links.
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

// assets are the files of Swagger UI. The library has most of them compressed. Each is unpacked once, at the first
// request for it, and then is a document like the others.
func assets() fiber.Handler {
	files, err := swagger.FS.ReadDir(".")
	if err != nil {
		panic(err) // it is embedded
	}
	known := map[string]func() *document{}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".gz")
		known[name] = sync.OnceValue(func() *document {
			return newDocument(mime.TypeByExtension(path.Ext(name)), assetContent(f.Name()))
		})
	}
	return func(c *fiber.Ctx) error {
		if asset, found := known[c.Params("file")]; found {
			return asset().send(c)
		}
		return newProblem(notFound, "there is nothing at this path")
	}
}

// assetContent is a file of the library, unpacked if it is compressed.
func assetContent(name string) []byte {
	content, err := swagger.FS.ReadFile(name)
	if err == nil && strings.HasSuffix(name, ".gz") {
		var unpacked *gzip.Reader
		if unpacked, err = gzip.NewReader(bytes.NewReader(content)); err == nil {
			content, err = io.ReadAll(unpacked)
		}
	}
	if err != nil {
		panic(err) // it is embedded
	}
	return content
}

func file(name string) []byte {
	content, err := pages.ReadFile("pages/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return content
}

// exampleHost takes the place of the host of the service.
const exampleHost = "https://api.example.com"

// exampleProblem is an example of the answer with a problem.
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
