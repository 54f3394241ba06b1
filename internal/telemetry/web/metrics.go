// Package web shows what HTTP requests do: metrics, traces, and a log of them, each a handler of Fiber around the others.
package web

import (
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/telemetry/metrics"
)

// Metrics times every request that reaches a handler.
func Metrics(r *metrics.Requests) fiber.Handler {
	return func(c *fiber.Ctx) error {
		begin := time.Now()
		r.Begin()
		err := answered(c)
		r.End(method(c), route(c), c.Response().StatusCode(), time.Since(begin))
		return err
	}
}

// answered runs the handlers behind it and has an error answered here, so that the status is known.
func answered(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return c.App().ErrorHandler(c, err)
	}
	return nil
}

// method is bounded: a client may send any word.
func method(c *fiber.Ctx) string {
	switch c.Method() {
	case http.MethodPost:
		return http.MethodPost
	case http.MethodGet:
		return http.MethodGet
	case http.MethodHead:
		return http.MethodHead
	case http.MethodOptions:
		return http.MethodOptions
	case http.MethodPut:
		return http.MethodPut
	case http.MethodPatch:
		return http.MethodPatch
	case http.MethodDelete:
		return http.MethodDelete
	}
	return "_OTHER"
}

// route is the template of the route that answered, "" where there is none: then it is the one of the handlers around all
// routes.
func route(c *fiber.Ctx) string {
	if path := c.Route().Path; path != "/" {
		return path
	}
	return ""
}
