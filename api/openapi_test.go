package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

var update = flag.Bool("update", false, "write generated files anew")

const (
	committedDocument = "../docs/openapi.yaml"
	releasedDocument  = "../docs/openapi.released.yaml"
)

// closed is the document with every object closed, so that a member that is sent and not described is found. In the
// document that clients get they are open, as answers may grow.
var closed = sync.OnceValues(func() (validator.Validator, error) {
	var document map[string]any
	if err := json.Unmarshal(api.OpenAPI(), &document); err != nil {
		return nil, err
	}
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	for _, s := range schemas {
		if s := s.(map[string]any); s["properties"] != nil && s["additionalProperties"] == nil {
			s["additionalProperties"] = false
		}
	}
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	parsed, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(parsed, config.WithFormatAssertions())
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return v, nil
})

// described holds an answer against the document. What no operation is for (other paths, methods and OPTIONS) is not in it.
func described(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	described := describedPath(req.URL.EscapedPath())
	if described == "" || req.Method == http.MethodOptions || resp.StatusCode == http.StatusMethodNotAllowed ||
		resp.Header.Get("Content-Encoding") != "" { // what is compressed has been looked at plain
		return
	}
	v, err := closed()
	if err != nil {
		t.Fatalf("read the document: %v", err)
	}
	// As the client sees it, by the path that the document has; HEAD is GET without a body.
	request := req.Clone(req.Context())
	request.URL.Path, request.URL.RawPath = described, ""
	if req.Method == http.MethodHead {
		return
	}
	copied := *resp
	copied.Body = io.NopCloser(bytes.NewReader(body))
	if ok, problems := v.ValidateHttpResponse(request, &copied); !ok {
		for _, p := range problems {
			t.Errorf("%s %s answers %d against the document: %s: %s %v", req.Method, req.URL, resp.StatusCode, p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
}

// describedPath puts a plain word where the document has a parameter, as ids may hold anything.
func describedPath(path string) string {
	for _, prefix := range []string{"/v1/events/", "/v1/schemas/", "/docs/problems/"} {
		if strings.HasPrefix(path, prefix) && len(path) > len(prefix) {
			return prefix + "word"
		}
	}
	for _, r := range api.DescribedRoutes() {
		if strings.HasSuffix(r, " "+path) {
			return path
		}
	}
	return ""
}

func TestTheCommittedDocumentIsTheOneThatIsServed(t *testing.T) {
	served := start(t).do(http.MethodGet, "/openapi.yaml", "", "").want(200)
	if *update {
		if err := os.WriteFile(committedDocument, []byte(served.body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(committedDocument)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(committed), served.body); diff != "" {
		t.Errorf("docs/openapi.yaml is old; run go test ./api -run Document -update (-committed +served):\n%s", diff)
	}
	if served.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("it is %s", served.header.Get("Content-Type"))
	}
}

func TestTheDocumentIsValidOpenAPI31(t *testing.T) {
	v, err := closed()
	if err != nil {
		t.Fatal(err)
	}
	if ok, problems := v.ValidateDocument(); !ok {
		for _, p := range problems {
			t.Errorf("%s: %s %v", p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
}

// document is what the tests need to know of it.
type document struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name, In string
			Example  any
		}
		RequestBody struct {
			Content map[string]struct {
				Examples map[string]struct{ Value json.RawMessage }
			}
		}
		Responses map[string]struct {
			Content map[string]struct {
				Examples map[string]struct {
					Value json.RawMessage
				}
			}
		}
	}
}

func servedDocument(t *testing.T) (d document) {
	t.Helper()
	if err := json.Unmarshal(api.OpenAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEachRouteIsInTheDocumentAndEachOperationIsRouted(t *testing.T) {
	routed, described := map[string]bool{}, map[string]bool{}
	for _, r := range api.DescribedRoutes() {
		routed[r] = true
	}
	for path, operations := range servedDocument(t).Paths {
		for method := range operations {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	if diff := cmp.Diff(routed, described); diff != "" {
		t.Errorf("(-routed +described):\n%s", diff)
	}
}

// Each answer is held against the document by do.
func TestEachRequestOfTheDocumentsExamplesIsTaken(t *testing.T) {
	s := startWith(t, outcomes{event.Identity{Source: "/orders", ID: "order-1"}: {Status: event.StatusProcessed}})
	wanted := map[string]int{"mixed": 207}
	tried := 0
	for path, operations := range servedDocument(t).Paths {
		for method, op := range operations {
			query, headers := url.Values{}, []string(nil)
			for _, p := range op.Parameters {
				value, _ := p.Example.(string)
				if value == "" {
					t.Errorf("%s %s: parameter %s has no example", method, path, p.Name)
				}
				switch p.In {
				case "path":
					path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
				case "query":
					query.Set(p.Name, value)
				case "header":
					headers = append(headers, p.Name, value)
				}
			}
			if len(query) > 0 {
				path += "?" + query.Encode()
			}
			if method == "get" {
				s.do(http.MethodGet, path, "", "", headers...).want(200)
				tried++
			}
			for media, content := range op.RequestBody.Content {
				if media == "application/octet-stream" {
					s.do(http.MethodPost, path, media, "\x00\x01", headers...).want(202)
					tried++
				}
				for name, example := range content.Examples {
					want := max(wanted[name], 202)
					s.do(http.MethodPost, path, media, string(example.Value)).want(want)
					tried++
				}
			}
		}
	}
	if tried < 25 {
		t.Errorf("only %d examples were tried", tried)
	}
}

func TestEachAnswerOfTheDocumentsExamplesFitsItsSchema(t *testing.T) {
	v, err := closed()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for path, operations := range servedDocument(t).Paths {
		for method, op := range operations {
			for status, answer := range op.Responses {
				for media, content := range answer.Content {
					for name, example := range content.Examples {
						if example.Value == nil {
							continue // a reference to a component, which has its own test
						}
						req, err := http.NewRequest(strings.ToUpper(method), "http://localhost"+strings.NewReplacer("{", "", "}", "").Replace(path), nil)
						if err != nil {
							t.Fatal(err)
						}
						var code int
						if err := json.Unmarshal([]byte(status), &code); err != nil {
							t.Fatal(err)
						}
						resp := &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(bytes.NewReader(example.Value))}
						if ok, problems := v.ValidateHttpResponse(req, resp); !ok {
							t.Errorf("%s %s %s %s: %v", method, path, status, name, problems[0])
						}
						checked++
					}
				}
			}
		}
	}
	if checked < 15 {
		t.Errorf("only %d examples were checked", checked)
	}
}
