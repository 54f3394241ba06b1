package api

import (
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"
)

// OpenAPI is the document as JSON, for tests.
func OpenAPI() []byte { return Document("") }

// DescribedRoutes are "METHOD path" of each route that the document must have.
func DescribedRoutes() (described []string) {
	s := New(Config{}, nil, nil, nil)
	for _, r := range s.routes {
		switch r.open {
		case "":
			described = append(described, r.method+" "+r.path)
		case "-":
		default:
			described = append(described, r.method+" "+r.open)
		}
	}
	return described
}

// Deprecation is a line of the table beside the routes.
type Deprecation struct {
	Since, Sunset time.Time
	Guide, Next   string
}

// NewWithV2 is New with another table, and with a version 2 that has /v2/hello alone: its greeting is a list.
func NewWithV2(cfg Config, events Publisher, outcomes Outcomes, log *slog.Logger, said map[string]Deprecation) *Server {
	table := deprecations{}
	for path, d := range said {
		table[path] = deprecation{since: d.Since, sunset: d.Sunset, guide: d.Guide, next: d.Next}
	}
	return newServer(cfg, events, outcomes, log, table, route{fiber.MethodGet, "/v2/hello", "-", chain(negotiated,
		func(c *fiber.Ctx) error {
			return send(c, fiber.StatusOK, "hello", helloV2{[]string{"Hello", "World!"}})
		})})
}

type helloV2 struct {
	Words []string `json:"words" xml:"word"`
}

// Problem is a line of the catalogue.
type Problem struct {
	Name   string
	Status int
}

// Problems is the catalogue.
func Problems() (all []Problem) {
	for _, k := range catalogue {
		all = append(all, Problem{k.Name, k.Status})
	}
	return all
}

// ValidationMemory is what data is counted for while it is held against a schema.
func ValidationMemory(data []byte) int64 { return validationMemory(data) }
