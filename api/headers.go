package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
)

// secure keeps browsers from making more of an answer than data. Pages loosen the policy for themselves.
func (s *Server) secure(c *fiber.Ctx) error {
	h := &c.Response().Header
	h.SetCanonical(nosniffName, nosniff)
	h.SetCanonical(policyName, policy)
	h.SetCanonical(referrerName, noReferrer)
	if s.https || s.overTLS(c) {
		h.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return c.Next()
}

var ( // as the framework wants them, so that no request makes them anew
	nosniffName, nosniff     = []byte(fiber.HeaderXContentTypeOptions), []byte("nosniff")
	policyName, policy       = []byte(fiber.HeaderContentSecurityPolicy), []byte("default-src 'none'; frame-ancestors 'none'")
	referrerName, noReferrer = []byte(fiber.HeaderReferrerPolicy), []byte("no-referrer")
)

// crossOrigin lets pages of the named origins use the API. Without any, browsers keep all other pages out.
func crossOrigin(origins []string) fiber.Handler {
	return cors.New(cors.Config{
		AllowOrigins:  strings.Join(origins, ","),
		AllowMethods:  "GET, HEAD, POST, OPTIONS",
		AllowHeaders:  corsHeaders(),
		ExposeHeaders: "Location, Retry-After, X-Request-Id, RateLimit, RateLimit-Policy, ETag",
		MaxAge:        600, // longer is cut by browsers anyway
	})
}

// corsHeaders are those that a client may need. Extensions are headers of any name, which can't be listed; they travel in
// structured mode.
func corsHeaders() string {
	return strings.Join([]string{"Authorization", "X-API-Key", "Content-Type", "Accept", "Idempotency-Key", "X-Request-Id",
		"traceparent", "tracestate", "If-None-Match", "ce-id", "ce-source", "ce-specversion", "ce-type", "ce-subject", "ce-time",
		"ce-dataschema", "ce-partitionkey"}, ", ")
}
