// Package apitest holds answers against the API's own document: in the tests of the API, and of whatever else claims to
// answer as the document says.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
)

// Operation is what tests need to know of a method on a path.
type Operation struct {
	Parameters []struct {
		Name, In string
		Example  any
	}
	RequestBody struct{ Content map[string]Content }
	Responses   map[string]Response
}

// Response is an answer with a status. One that is a reference has no content here.
type Response struct{ Content map[string]Content }

// Content is a body in a media type.
type Content struct {
	Examples map[string]struct{ Value json.RawMessage }
}

// Document is an OpenAPI document with every object closed, so that a member that is sent and not described is found.
// In the document that clients get they are open, as answers may grow.
type Document struct {
	Paths     map[string]map[string]Operation
	Validator validator.Validator

	validated sync.Map
}

// Load reads a document as JSON.
func Load(text []byte) (*Document, error) {
	d := &Document{}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	for _, s := range schemas {
		if s := s.(map[string]any); s["properties"] != nil && s["additionalProperties"] == nil {
			s["additionalProperties"] = false
		}
	}
	text, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("write document: %w", err)
	}
	parsed, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, fmt.Errorf("parse document: %w", err)
	}
	v, errs := validator.NewValidator(parsed, config.WithFormatAssertions())
	if len(errs) > 0 {
		return nil, fmt.Errorf("make validator: %w", errs[0])
	}
	d.Validator = v
	return d, nil
}

// Hold holds an answer against the document. What no operation is for (other paths, methods and OPTIONS) is not in it.
func (d *Document) Hold(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	described := d.path(req.URL.EscapedPath())
	if described == "" || req.Method == http.MethodOptions || resp.StatusCode == http.StatusMethodNotAllowed ||
		resp.Header.Get("Content-Encoding") != "" { // what is compressed has been looked at plain
		return
	}
	// As the client sees it, by the path that the document has; HEAD is GET without a body.
	request := req.Clone(req.Context())
	request.URL.Path, request.URL.RawPath = described, ""
	if req.Method == http.MethodHead {
		return
	}
	// The validator renders the schema anew each time, which takes longer than the request: one answer of a shape is
	// enough.
	if _, seen := d.validated.LoadOrStore(fmt.Sprint(req.Method, described, resp.StatusCode,
		resp.Header.Get("Content-Type"), shape(body)), true); seen {
		return
	}
	copied := *resp
	copied.Body = io.NopCloser(bytes.NewReader(body))
	if ok, problems := d.Validator.ValidateHttpResponse(request, &copied); !ok {
		for _, p := range problems {
			t.Errorf("%s %s answers %d against the document: %s: %s %v", req.Method, req.URL, resp.StatusCode, p.Message,
				p.Reason, p.SchemaValidationErrors)
		}
	}
}

// path puts a plain word where the document has a parameter, as ids may hold anything.
func (d *Document) path(path string) string {
	if d.Paths[path] != nil {
		return path
	}
	for template := range d.Paths {
		prefix, _, has := strings.Cut(template, "{")
		if has && strings.HasPrefix(path, prefix) && len(path) > len(prefix) {
			return prefix + "word"
		}
	}
	return ""
}

// Request is one of the document's examples.
type Request struct {
	Method, Path, ContentType, Body string
	Headers                         []string // names and values
	Status                          int      // of the answer that is wanted
}

// Requests are all examples of requests, in a fixed order.
func (d *Document) Requests(t *testing.T) (all []Request) {
	t.Helper()
	wanted := map[string]int{"mixed": http.StatusMultiStatus}
	for path, operations := range d.Paths {
		for method, op := range operations {
			query := url.Values{}
			for _, p := range op.Parameters {
				value, _ := p.Example.(string)
				if p.In == "header" {
					if value != "" {
						t.Errorf("%s %s: the page would send header %s with whatever is tried out", method, path, p.Name)
					}
					continue
				}
				if value == "" {
					t.Errorf("%s %s: parameter %s has no example", method, path, p.Name)
				}
				switch p.In {
				case "path":
					path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
				case "query":
					query.Set(p.Name, value)
				}
			}
			if len(query) > 0 {
				path += "?" + query.Encode()
			}
			if method == "get" {
				all = append(all, Request{Method: http.MethodGet, Path: path, Status: http.StatusOK})
			}
			for media, content := range op.RequestBody.Content {
				if media == "application/octet-stream" {
					all = append(all, Request{http.MethodPost, path, media, "\x00\x01", []string{"ce-specversion", "1.0",
						"ce-id", "photo-1", "ce-source", "/cameras/7", "ce-type", "photo.taken", "ce-subject", "caf%C3%A9"},
						http.StatusAccepted})
				}
				for name, example := range content.Examples {
					all = append(all, Request{Method: http.MethodPost, Path: path, ContentType: media,
						Body: string(example.Value), Status: max(wanted[name], http.StatusAccepted)})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Request) int {
		return strings.Compare(a.Path+a.ContentType+a.Body, b.Path+b.ContentType+b.Body)
	})
	return all
}
