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

// Source and id are what an event is known by, so whoever may post a source may also claim its ids. The rules here keep
// clients out of each other's.

// positions begins the sources of records whose producers know nothing of CloudEvents: their ids are their positions,
// which anybody can guess.
var positions = event.ForeignSource("")

// Bounds of what names an event, in bytes: it stands in the Location of the answer, of which the escaped form is three
// times as long, and proxies take 8 KiB of a request line.
const (
	maxID     = 1 << 10
	maxSource = 1 << 10
)

// sourceOf is the source of a client's events that name none, "" is who has no key.
func sourceOf(client string) string {
	if client == "" {
		return DefaultSource
	}
	return DefaultSource + "/" + url.PathEscape(client)
}

// defaultSource is the source that is meant where the request names none.
func defaultSource(c *fiber.Ctx) string {
	if who := knownClient(c); who != nil {
		return who.source
	}
	return DefaultSource
}

// place is where an event stands in its request.
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

// check refuses what a valid CloudEvent may not be here. It notes the schema in the event.
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

// checkName refuses names that are too long, or another's.
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

// mayRead tells whether the client of the request may read an outcome: of what it has posted; of an event that came
// another way, if it may post such events.
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

// mayUse tells whether events of a source are the client's to post. A client that is bound to sources may use these
// alone; any other client may use what no client is bound to, where "*", which is all there is, takes nothing from
// anybody.
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
	case source == event.FollowUpSource: // of events that handlers publish
		return false
	}
	for _, other := range r.clients {
		if !slices.Contains(other.Sources, "*") && matchesAny(other.Sources, source) {
			return false
		}
	}
	return true
}

// matchesAny compares patterns: the text, or what it begins with and an asterisk.
func matchesAny(patterns []string, text string) bool {
	for _, pattern := range patterns {
		prefix, open := strings.CutSuffix(pattern, "*")
		if text == pattern || open && strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
