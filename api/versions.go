package api

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// deprecation is what clients of a deprecated path are told.
type deprecation struct {
	since  time.Time // RFC 9745: the path is deprecated from then on
	sunset time.Time // RFC 8594: the path may be removed from then on; zero if that is not decided
	guide  string    // how to migrate: a URL, or a path of this service
	next   string    // the path that replaces it, or ""
}

// deprecations are by prefixes of paths; the longest prefix wins.
type deprecations map[string]deprecation

// deprecated are the paths that clients should leave, beside the routes that they are of. docs/versions.md says how a
// version comes and goes. Nothing is deprecated:
//
//	"/v1/": {since: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), guide: "https://example.com/to-v2", next: "/v2/"},
var deprecated = deprecations{}

// of returns the deprecation of a path, and whether there is one.
func (t deprecations) of(path string) (said deprecation, is bool) {
	longest := -1
	for beginning, d := range t {
		if strings.HasPrefix(path, beginning) && len(beginning) > longest {
			said, is, longest = d, true, len(beginning)
		}
	}
	return said, is
}

// announce puts the headers on every answer, refusals included, and calls the next handler.
func (d deprecation) announce(c *fiber.Ctx) error {
	c.Set("Deprecation", "@"+strconv.FormatInt(d.since.Unix(), 10))
	if !d.sunset.IsZero() {
		c.Set("Sunset", d.sunset.UTC().Format(http.TimeFormat))
	}
	if d.guide != "" {
		c.Append(fiber.HeaderLink, "<"+d.guide+`>; rel="deprecation"; type="text/html"`)
	}
	if d.next != "" {
		c.Append(fiber.HeaderLink, "<"+d.next+`>; rel="successor-version"`)
	}
	return c.Next()
}

var versionPath = regexp.MustCompile(`^/(v[1-9][0-9]*)/`)

// ofVersion puts the handlers of a route's version before it: they count its clients and announce its deprecation.
func (s *Server) ofVersion(r route, table deprecations) []fiber.Handler {
	var before []fiber.Handler
	if m := versionPath.FindStringSubmatch(r.path); m != nil {
		version := m[1]
		before = append(before, func(c *fiber.Ctx) error {
			s.metrics.versions.WithLabelValues(clientOf(c), version).Inc()
			return c.Next()
		})
	}
	if d, is := table.of(r.path); is {
		before = append(before, d.announce)
	}
	return append(before, r.handler...)
}
