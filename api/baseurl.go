package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// baseURL is where clients find this service, without a slash at the end: PUBLIC_URL, else what this request was sent
// to. A Host that could not stand in a URI counts as missing, as it would be handed on in events and documents; then
// the address that the client connected to stands for it.
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

// pathOf is what follows the host in PUBLIC_URL, "" for most.
func pathOf(publicURL string) string {
	_, rest, _ := strings.Cut(publicURL, "://")
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return rest[slash:]
	}
	return ""
}

// overTLS tells whether the client speaks TLS, be it with a proxy in front of this service. Only a trusted one is
// asked; what it speaks with this service says nothing of its clients.
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
