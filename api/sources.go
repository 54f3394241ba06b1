package api

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
)

// Source and id identify an event, so a client that may post a source may also claim its ids. The rules here keep
// clients out of each other's sources.

// positions is the beginning of the sources of records whose producers do not use CloudEvents. The ids of such records
// are their positions, which anybody can guess.
var positions = event.ForeignSource("")

// Bounds on source and id, in bytes: both are in the Location of the answer, where escapes make them up to three times
// as long, and proxies accept request lines of 8 KiB.
const (
	maxID     = 1 << 10
	maxSource = 1 << 10
)

// sourceOf is the source of a client's events without a source; client "" is a request without a key.
func sourceOf(client string) string {
	if client == "" {
		return DefaultSource
	}
	return DefaultSource + "/" + url.PathEscape(client)
}

// defaultSource is the source for a request that names none.
func defaultSource(c *fiber.Ctx) string {
	if who := knownClient(c); who != nil {
		return who.source
	}
	return DefaultSource
}

// place is the place of an event in its request.
type place struct {
	pointer string // to the event in the body
	binary  bool   // its attributes are headers, and the body is its data
}

func batchPlace(index int) place { return place{pointer: "/" + strconv.Itoa(index)} }

func (p place) attribute(name, detail string) fieldError {
	if p.binary {
		return fieldError{Header: "ce-" + name, Detail: detail}
	}
	return fieldError{Pointer: p.pointer + "/" + name, Detail: detail}
}

// data is the pointer to the event's data.
func (p place) data() string {
	if p.binary {
		return ""
	}
	return p.pointer + "/data"
}

// check refuses valid CloudEvents that are not allowed here. It records the schema in the event.
func (s *Server) check(c *fiber.Ctx, e *event.Event, at place) error {
	if err := s.checkName(c, e, at); err != nil {
		return err
	}
	if e.Subject == "" && s.cfg.NeedsSubject != nil && s.cfg.NeedsSubject(e.Type) {
		p := newProblem(invalidEvent, invalidEvent.Detail)
		p.Errors = []fieldError{at.attribute("subject",
			"is required for events of this type: their data is encrypted with a key of the subject")}
		return p
	}
	return s.checkSchema(c, e, at)
}

// checkName refuses sources and ids that are too long, and sources of other clients.
func (s *Server) checkName(c *fiber.Ctx, e *event.Event, at place) error {
	var faults []fieldError
	if len(e.ID) > maxID {
		faults = append(faults, at.attribute("id", fmt.Sprintf("must be at most %d bytes", maxID)))
	}
	switch {
	case len(e.Source) > maxSource:
		faults = append(faults, at.attribute("source", fmt.Sprintf("must be at most %d bytes", maxSource)))
	case strings.HasPrefix(e.Source, positions):
		faults = append(faults, at.attribute("source", `must not begin with "`+positions+
			`": these sources belong to records that were written to Kafka directly`))
	}
	if faults != nil {
		p := newProblem(invalidEvent, invalidEvent.Detail)
		p.Errors = faults
		return p
	}
	ring := s.keys.Load()
	if ring == nil {
		return nil
	}
	who := knownClient(c)
	if !ring.mayUse(who, e.Source) {
		p := newProblem(sourceRefused, sourceRefused.Detail)
		p.Errors = []fieldError{at.attribute("source", "is not a source of this client")}
		return p
	}
	if len(who.Types) > 0 && !matchesAny(who.Types, e.Type) {
		p := newProblem(typeRefused, typeRefused.Detail)
		p.Errors = []fieldError{at.attribute("type", "is not a type that this client may post")}
		return p
	}
	return nil
}

// mayRead reports whether the client of the request may read an outcome: of events that it has posted, and of events
// that no client has posted, if it may post events of their source.
func (s *Server) mayRead(c *fiber.Ctx, o *event.Outcome, source string) bool {
	ring, who := s.keys.Load(), knownClient(c)
	switch {
	case ring == nil:
		return true
	case o.Client != "":
		return who != nil && o.Client == who.name
	}
	return ring.mayUse(who, source)
}

// mayUse reports whether the client may post events of a source. A client that is bound to sources may use only these.
// Any other client may use every source to which no client is bound; the binding "*" does not count there, as it covers
// everything.
func (r *keyring) mayUse(who *client, source string) bool {
	switch {
	case who == nil:
		return false
	case source == who.source:
		return true
	case strings.HasPrefix(source, DefaultSource+"/"): // another client's default
		return false
	case len(who.Sources) > 0:
		return matchesAny(who.Sources, source)
	case source == event.FollowUpSource: // the source of events that handlers publish
		return false
	}
	for _, other := range r.clients {
		if !slices.Contains(other.Sources, "*") && matchesAny(other.Sources, source) {
			return false
		}
	}
	return true
}

// matchesAny compares text with patterns: a whole text, or a beginning with an asterisk.
func matchesAny(patterns []string, text string) bool {
	for _, pattern := range patterns {
		prefix, open := strings.CutSuffix(pattern, "*")
		if text == pattern || open && strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
