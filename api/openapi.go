package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// apiVersion is the version of the document. The middle number grows with each addition. The first never changes: that
// would be /v2.
const apiVersion = "1.0.0"

const apiDescription = `Post CloudEvents over HTTP; an answer of 2xx means that Kafka has stored them.

Errors are problem documents (RFC 9457) whose type links to a page of this service that says what to do; retryable says
whether the same request, sent again, can succeed, and Retry-After when. Answers may get more members within /v1;
clients pass over what they don't know.

Every GET answers HEAD, too. OPTIONS answers 204 with Allow. Other methods are answered with 405 and Allow, other paths
with 404. Answers are JSON, or XML where Accept prefers it, and are compressed where Accept-Encoding takes gzip or
deflate. X-Request-Id, if sent, comes back and is in the logs.`

// document is the OpenAPI description while it is made.
type description struct {
	api *huma.OpenAPI
}

// newOpenAPI describes every route. It derives most from the types of answers and the catalogue of problems, so that
// most can't be wrong. Tests try what is written by hand.
func newOpenAPI(server *huma.Server, table deprecations) *huma.OpenAPI {
	d := &description{api: &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "event-processing-service", Version: apiVersion, Description: apiDescription},
		Servers: []*huma.Server{server},
		Tags: []*huma.Tag{
			{Name: "events", Description: "Post events and see what became of them"},
			{Name: "schemas", Description: "What the data of event types looks like"},
			{Name: "greetings", Description: "The simplest things that can be asked"},
			{Name: "health", Description: "For load balancers and orchestrators"},
			{Name: "documentation"},
		},
		Components: &huma.Components{
			Schemas:   huma.NewMapRegistry("#/components/schemas/", schemaName),
			Headers:   headerComponents(),
			Examples:  map[string]*huma.Example{},
			Responses: map[string]*huma.Response{},
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "An API key. Only where the deployment has keys."},
				"key":    {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "The same key in a header of its own."},
			},
		},
	}}
	d.problemComponents()
	d.eventComponents()
	for _, op := range d.operations() {
		_, op.Deprecated = table.of(op.Path)
		d.api.AddOperation(op)
	}
	for _, s := range d.api.Components.Schemas.Map() {
		s.AdditionalProperties = openObject(s) // answers may grow
	}
	return d.api
}

// openObject removes the marks that close objects.
func openObject(s *huma.Schema) any {
	if s.AdditionalProperties == false {
		return nil
	}
	return s.AdditionalProperties
}

// schemaName turns Go's names into names that generators for other languages expect.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	return strings.ToUpper(name[:1]) + name[1:]
}

// schemaOf describes the type of v.
func (d *description) schemaOf(v any) *huma.Schema {
	return d.api.Components.Schemas.Schema(reflect.TypeOf(v), true, "")
}

// openAPIDocuments are the description as a service at publicURL sends it. "": the client knows the host.
func openAPIDocuments(publicURL string, table deprecations) (asJSON, asYAML *document) {
	server := &huma.Server{URL: "/", Description: "Where this document came from"}
	if publicURL != "" {
		server = &huma.Server{URL: publicURL, Description: "This deployment"}
	}
	api := newOpenAPI(server, table)
	j, err := json.Marshal(api)
	if err != nil {
		panic(fmt.Sprintf("encode the OpenAPI document: %v", err)) // made of constants
	}
	y, err := api.YAML()
	if err != nil {
		panic(fmt.Sprintf("encode the OpenAPI document: %v", err))
	}
	return newDocument(mediaJSON, j), newDocument("application/yaml", y) // RFC 9512
}

// Document is the OpenAPI description as JSON, as a service at publicURL sends it. "": the client knows the host.
func Document(publicURL string) []byte {
	asJSON, _ := openAPIDocuments(publicURL, deprecated)
	return asJSON.body
}
