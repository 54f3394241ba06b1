package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// baseURL is the URL of this service for clients, without a slash at the end: PUBLIC_URL, or the Host of the request.
// The Host becomes part of events and documents, so one that is not valid in a URI counts as missing. Then the address
// that the client connected to takes its place.
func (s *Server) baseURL(c *fiber.Ctx) string {
	if s.cfg.PublicURL != "" {
		return s.cfg.PublicURL
	}
	host := string(c.Request().Host())
	if !saneHost(host) {
		host = c.Context().LocalAddr().String()
	}
	if s.overTLS(c) {
		return "https://" + host
	}
	return "http://" + host
}

// pathOf is the path of PUBLIC_URL; mostly "".
func pathOf(publicURL string) string {
	_, rest, _ := strings.Cut(publicURL, "://")
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return rest[slash:]
	}
	return ""
}

// overTLS reports whether the client uses TLS, with this service or with a proxy in front of it. It believes only
// trusted proxies. Whether a proxy itself uses TLS with this service says nothing about its clients.
func (s *Server) overTLS(c *fiber.Ctx) bool {
	if spoken := c.Get(fiber.HeaderXForwardedProto); spoken != "" && s.cfg.TrustedProxies.holds(peerOf(c)) {
		return spoken == "https"
	}
	return s.cfg.TLS != nil
}

func saneHost(host string) bool {
	for i := range len(host) {
		c := host[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(".:[]-_", c) < 0 {
			return false
		}
	}
	return host != "" && len(host) <= 255
}
