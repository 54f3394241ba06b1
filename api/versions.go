package api

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// deprecation is what clients of a path are told that should leave it.
type deprecation struct {
	since  time.Time // RFC 9745: from then on there is something better
	sunset time.Time // RFC 8594: from then on it may be gone; zero where that is not decided
	guide  string    // where it says how to leave: a URL, or a path of this service
	next   string    // the path that takes its place, or ""
}

// deprecations are by what the paths begin with; the longest beginning is the one that holds.
type deprecations map[string]deprecation

// deprecated are the paths that clients should leave, beside the routes that they are of. docs/versions.md says how a
// version comes and goes. Nothing is deprecated:
//
//	"/v1/": {since: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), guide: "https://example.com/to-v2", next: "/v2/"},
var deprecated = deprecations{}

// of returns what is said of a path, and whether anything is.
func (t deprecations) of(path string) (said deprecation, is bool) {
	longest := -1
	for beginning, d := range t {
		if strings.HasPrefix(path, beginning) && len(beginning) > longest {
			said, is, longest = d, true, len(beginning)
		}
	}
	return said, is
}

// announce puts the headers on the answer, a refusal's too, and goes on.
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

// ofVersion puts before a route what goes for all of its version: who uses it is counted, and whether it is to be left
// is said.
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
