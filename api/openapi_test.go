package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/api"
	"event-processing-service/api/apitest"
	"event-processing-service/internal/event"
)

var update = flag.Bool("update", false, "write generated files anew")

const (
	committedDocument = "../docs/openapi.yaml"
	releasedDocument  = "../docs/openapi.released.yaml"
)

// closed is the document that answers are held against.
var closed = sync.OnceValues(func() (*apitest.Document, error) { return apitest.Load(api.OpenAPI()) })

// described holds an answer against the document.
func described(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	d, err := closed()
	if err != nil {
		t.Errorf("read the document: %v", err)
		return
	}
	d.Hold(t, req, resp, body)
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
	if ok, problems := v.Validator.ValidateDocument(); !ok {
		for _, p := range problems {
			t.Errorf("%s: %s %v", p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
}

func loaded(t *testing.T) *apitest.Document {
	t.Helper()
	d, err := closed()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEachRouteIsInTheDocumentAndEachOperationIsRouted(t *testing.T) {
	routed, described := map[string]bool{}, map[string]bool{}
	for _, r := range api.DescribedRoutes() {
		routed[r] = true
	}
	for path, operations := range loaded(t).Paths {
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
	known := outcomes{event.Identity{Source: "/orders", ID: "order-1"}: {Status: event.StatusProcessed}}
	s := startWith(t, known, with(api.Processor{Name: "audit", Outcomes: known}))
	d, err := closed()
	if err != nil {
		t.Fatal(err)
	}
	requests := d.Requests(t)
	for _, r := range requests {
		s.do(r.Method, r.Path, r.ContentType, r.Body, r.Headers...).want(r.Status)
	}
	if len(requests) < 25 {
		t.Errorf("only %d examples were tried", len(requests))
	}
}

func TestEachAnswerOfTheDocumentsExamplesFitsItsSchema(t *testing.T) {
	v, err := closed()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for path, operations := range loaded(t).Paths {
		for method, op := range operations {
			for status, answer := range op.Responses {
				for media, content := range answer.Content {
					for name, example := range content.Examples {
						if example.Value == nil {
							continue // a reference to a component, which has its own test
						}
						req, err := http.NewRequest(strings.ToUpper(method),
							"http://localhost"+strings.NewReplacer("{", "", "}", "").Replace(path), nil)
						if err != nil {
							t.Fatal(err)
						}
						var code int
						if err := json.Unmarshal([]byte(status), &code); err != nil {
							t.Fatal(err)
						}
						resp := &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {media}},
							Body: io.NopCloser(bytes.NewReader(example.Value))}
						if ok, problems := v.Validator.ValidateHttpResponse(req, resp); !ok {
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
