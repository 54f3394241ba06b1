package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// mostBytes is what the API takes of a body.
const mostBytes = 4 << 20

// mock is the API as its document has it. It keeps nothing but the requests.
type mock struct {
	spec      *spec
	validator validator.Validator
	documents map[string][]byte // the document itself, by the path where the API has it
	delay     time.Duration
	recording recording
}

func newMock(document []byte, delay time.Duration) (*mock, error) {
	s, err := readSpec(document)
	if err != nil {
		return nil, err
	}
	parsed, err := libopenapi.NewDocument(document)
	if err != nil {
		return nil, fmt.Errorf("parse OpenAPI document: %w", err)
	}
	v, errs := validator.NewValidator(parsed, config.WithFormatAssertions(), config.WithRegexEngine(compile))
	if len(errs) > 0 {
		return nil, fmt.Errorf("make validator: %w", errors.Join(errs...))
	}
	var tree any
	if err := json.Unmarshal(document, &tree); err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	asYAML, err := yaml.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	return &mock{spec: s, validator: v, delay: delay,
		documents: map[string][]byte{"/openapi.json": document, "/openapi.yaml": asYAML}}, nil
}

// ServeHTTP answers one request, and records it.
func (m *mock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_mock/requests" {
		m.recording.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBytes))
	a := m.answer(r, body, err)
	m.recording.add(r, body, a.status)

	delay := time.NewTimer(a.delay)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-r.Context().Done():
		return
	}
	for name, value := range a.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that is gone is not told
	}
}

// answer finds what to say: what the request prefers, what is wrong with it, or the example of what it asks for.
func (m *mock) answer(r *http.Request, body []byte, reading error) *answer {
	plain, operations := m.spec.find(r.URL.Path)
	a := &answer{mock: m, request: r, delay: m.delay, headers: map[string]string{}}
	if operations == nil {
		return a.problem(http.StatusNotFound, "not-found", "no resource exists at this path")
	}
	method := strings.ToLower(r.Method)
	if method == "head" {
		method = "get"
	}
	a.operation = operations[method]
	if a.operation == nil {
		a.headers["Allow"] = allowed(operations)
		if r.Method == http.MethodOptions {
			a.status = http.StatusNoContent
			return a
		}
		return a.problem(http.StatusMethodNotAllowed, "method-not-allowed", "this path does not take "+r.Method)
	}
	prefer, err := readPreferences(r)
	if err != nil {
		return a.problem(http.StatusBadRequest, "invalid-parameter", err.Error())
	}
	if prefer.delay != 0 {
		a.delay = prefer.delay
	}
	if applied := prefer.applied(); applied != "" {
		a.headers["Preference-Applied"] = applied
	}
	if prefer.code != 0 || prefer.example != "" {
		return a.preferred(prefer)
	}
	var tooLarge *http.MaxBytesError
	if errors.As(reading, &tooLarge) {
		return a.problem(http.StatusRequestEntityTooLarge, "body-too-large", "the body is larger than 4 MiB")
	}
	if reading != nil {
		return a.problem(http.StatusBadRequest, "malformed-request", "the body was cut short")
	}
	if refused := a.refuse(plain, body); refused != nil {
		return refused
	}
	if document := m.documents[r.URL.Path]; document != nil {
		return a.say(a.operation.success(), "", document)
	}
	if r.Method == http.MethodPost {
		return a.events(plain, body)
	}
	return a.say(a.operation.success(), "", nil)
}

// unicodeEscape is \uXXXX of JavaScript's expressions, which JSON Schema is written with.
var unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// compile makes Go's expression of a schema's.
func compile(pattern string) (jsonschema.Regexp, error) {
	compiled, err := regexp.Compile(unicodeEscape.ReplaceAllString(pattern, `\x{$1}`))
	if err != nil {
		return nil, fmt.Errorf("compile pattern of the document: %w", err)
	}
	return compiled, nil
}

// valid holds a request against the document. plain is its path there.
func (m *mock) valid(r *http.Request, plain, media string, body []byte) []fault {
	held := r.Clone(r.Context())
	held.URL.Path, held.URL.RawPath = plain, ""
	if held.Method == http.MethodHead {
		held.Method = http.MethodGet
	}
	held.Body, held.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if media != "" {
		held.Header.Set("Content-Type", media)
	}
	ok, problems := m.validator.ValidateHttpRequestSync(held)
	if ok {
		return nil
	}
	return faults(problems)
}
