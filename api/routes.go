package api

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// route is one operation. A test compares the table with the OpenAPI document.
type route struct {
	method  string
	path    string // in Fiber's syntax
	open    string // the path in OpenAPI's syntax, where it differs; "-": not in the document
	handler []fiber.Handler
}

// register registers the routes, and more, which are those of further versions. Unversioned routes answer as they
// always did: they refuse no Accept header.
func (s *Server) register(table deprecations, more ...route) {
	s.routes = []route{
		{fiber.MethodGet, "/hello", "", chain(s.hello)},
		{fiber.MethodGet, "/v1/hello", "", chain(negotiated, s.hello)},
		{fiber.MethodGet, "/current_time", "", chain(s.needsKeyToPublish, s.currentTime)},
		{fiber.MethodGet, "/v1/current_time", "", chain(s.needsKeyToPublish, negotiated, s.currentTime)},
		{fiber.MethodPost, eventsPath, "", chain(s.needsKey, negotiated, s.postEvents)},
		{fiber.MethodGet, "/v1/events/+", "/v1/events/{id}", chain(s.needsKey, negotiated, s.getOutcome)},
		{fiber.MethodGet, "/v1/schemas", "", chain(negotiated, s.listSchemas)},
		{fiber.MethodGet, "/v1/schemas/:type", "/v1/schemas/{type}", chain(s.getSchema)},
		{fiber.MethodGet, "/v1/metrics", "", chain(s.needsKey, s.metrics.handler())},
	}
	for _, path := range livePaths {
		s.routes = append(s.routes, route{fiber.MethodGet, path, "", chain(s.live)})
	}
	for _, path := range readyPaths {
		s.routes = append(s.routes, route{fiber.MethodGet, path, "", chain(s.ready)})
	}
	s.routes = append(s.routes, documentation(s.cfg.PublicURL, table)...)
	s.routes = append(s.routes, more...)

	methods := map[string][]string{}
	for _, r := range s.routes {
		handlers := s.ofVersion(r, table)
		s.app.Add(r.method, r.path, handlers...)
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == fiber.MethodGet {
			s.app.Head(r.path, handlers...)
			methods[r.path] = append(methods[r.path], fiber.MethodHead)
		}
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		s.app.Options(path, options(strings.Join(append(allowed, fiber.MethodOptions), ", ")))
	}
}

func chain(handlers ...fiber.Handler) []fiber.Handler { return handlers }

// options answers which methods a path has. The CloudEvents webhook handshake is not offered, and a 2xx would grant it.
func options(allow string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderAllow, allow)
		if c.Get("WebHook-Request-Origin") != "" {
			return newProblem(methodNotAllowed, "the webhook handshake is not offered; post events without it")
		}
		return c.SendStatus(fiber.StatusNoContent)
	}
}
