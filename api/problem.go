package api

import (
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
	"event-processing-service/internal/telemetry"
)

// problem is a problem document (RFC 9457). It is an error, so that handlers return it and one place answers.
type problem struct {
	eventProblem

	// Of a batch of which nothing was stored: one result an event, as in the answer of a batch that was.
	Accepted *int          `json:"accepted,omitempty" xml:"accepted,omitempty" doc:"Of a batch, of which nothing was accepted"`
	Rejected *int          `json:"rejected,omitempty" xml:"rejected,omitempty"`
	Results  []batchResult `json:"results,omitempty" xml:"results>i,omitempty" nullable:"false" doc:"One for each event, in their order"`

	kind  *kind
	wait  time.Duration // what Retry-After says; 0 is retryAfter
	cause error         // for the log only: internals never reach the caller
}

// eventProblem is the part of a problem that a single event of a batch can have, too.
type eventProblem struct {
	Type      string       `json:"type" xml:"type" format:"uri" doc:"The page that explains this kind of problem"`
	Title     string       `json:"title" xml:"title" doc:"The kind of problem in a few words, always the same for a type"`
	Status    int          `json:"status" xml:"status" doc:"The HTTP status"`
	Detail    string       `json:"detail,omitempty" xml:"detail,omitempty" doc:"What is wrong with this request and what to do"`
	Instance  string       `json:"instance,omitempty" xml:"instance,omitempty" doc:"The path that was asked for"`
	Retryable bool         `json:"retryable" xml:"retryable" doc:"Whether the same request, sent again, can succeed"`
	RequestID string       `json:"request_id,omitempty" xml:"request_id,omitempty" doc:"What the service's logs have it under"`
	Errors    []fieldError `json:"errors,omitempty" xml:"errors>i,omitempty" nullable:"false" doc:"One entry for each fault of the request"`
}

// fieldError is one fault of the request, with the place where it is.
type fieldError struct {
	Pointer   string `json:"pointer,omitempty" xml:"pointer,omitempty" doc:"JSON Pointer (RFC 6901) into the body"`
	Header    string `json:"header,omitempty" xml:"header,omitempty" doc:"Name of a header"`
	Parameter string `json:"parameter,omitempty" xml:"parameter,omitempty" doc:"Name of a query parameter"`
	Detail    string `json:"detail" xml:"detail" doc:"What is wrong there, and what would be right"`
}

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

func (p *problem) Unwrap() error { return p.cause }

// newProblem makes a problem of a kind. Its type is a path until it is answered, as only a request tells the host.
func newProblem(k *kind, detail string) *problem {
	one := eventProblem{Type: k.Path(), Title: k.Title, Status: k.Status, Detail: detail, Retryable: k.Retry}
	return &problem{eventProblem: one, kind: k}
}

// retryAfter is what a client is told to wait where nothing better is known: a leader election is over by then, mostly.
const retryAfter = time.Second

// problemOf maps every error of this program to its answer. It is the only place that does.
func problemOf(err error) *problem {
	var (
		p       *problem
		framing *fiber.Error
		invalid *event.InvalidError
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &framing):
		return problemOfFramework(framing)
	}
	failure := event.FailureOf(err)
	k := kindOf(failure)
	switch {
	case failure == event.FailureMalformed || failure == event.FailureUnsupportedMedia:
		return newProblem(k, err.Error())
	case errors.As(err, &invalid):
		p = newProblem(k, k.Detail)
		for _, f := range invalid.Fields {
			p.Errors = append(p.Errors, fieldError{Pointer: f.Pointer, Header: f.Header, Detail: f.Detail})
		}
		return p
	}
	p = newProblem(k, k.Detail)
	p.cause = err
	return p
}

// kindOf is the line of the catalogue that has the failure's name.
func kindOf(failure event.Failure) *kind {
	for _, k := range catalogue {
		if k.Name == string(failure) {
			return k
		}
	}
	return internalError
}

// problemOfFramework explains what Fiber and fasthttp refuse before any handler sees it.
func problemOfFramework(err *fiber.Error) *problem {
	k := internalError
	switch err.Code {
	case fiber.StatusNotFound:
		k = notFound
	case fiber.StatusMethodNotAllowed:
		k = methodNotAllowed
	case fiber.StatusRequestEntityTooLarge:
		k = bodyTooLarge
	case fiber.StatusRequestHeaderFieldsTooLarge:
		k = headersTooLarge
	case fiber.StatusRequestTimeout:
		k = tooSlow
	default:
		// What fasthttp can't parse has its own words, which name the fault. Fiber's 502 is a client's connection that broke.
		if err.Code < 500 || err.Code == fiber.StatusBadGateway {
			return newProblem(malformed, "the request is not well-formed HTTP: "+err.Message)
		}
	}
	p := newProblem(k, k.Detail)
	if k == internalError {
		p.cause = err
	}
	return p
}

// handleError answers every error, the framework's own included.
func (s *Server) handleError(c *fiber.Ctx, err error) error {
	answer := *problemOf(err) // a copy: a problem may be a shared value
	base := s.baseURL(c)
	answer.Type = base + answer.Type
	for i := range answer.Results { // they are of this answer alone
		answer.Results[i].Problem.locate(base)
	}
	answer.Instance = c.OriginalURL()
	answer.RequestID = requestIDOf(c)
	if answer.Status == fiber.StatusRequestEntityTooLarge {
		lingerOnClose(c.Context())
	}
	client := clientOf(c)
	s.metrics.refused(client, answer.kind.Name)
	if answer.Results == nil && (c.Path() == eventsPath || errors.As(err, new(*event.PublishError))) {
		s.metrics.rejected.WithLabelValues(answer.kind.Name).Inc() // the events of a batch are counted one by one
	}
	isOne := answer.Results == nil && !errors.As(err, new(*event.PublishError)) // others tell of the others
	if isOne && answer.Status < 500 && c.Path() == eventsPath {
		s.log.DebugContext(c.UserContext(), "event refused", "problem", answer.kind.Name, "error", answer.Detail)
	}
	if more, tell := s.worthALine(&answer); tell {
		if answer.cause != nil { // what the client is not told
			err = answer.cause
		}
		s.log.ErrorContext(telemetry.WithRequestID(c.UserContext(), answer.RequestID), "request failed",
			"method", c.Method(), "path", shorten(c.Path(), longestText), "status", answer.Status, "problem", answer.kind.Name,
			"client", client, "error", err, "more", more)
	}
	if answer.Retryable {
		c.Set(fiber.HeaderRetryAfter, retryAfterSeconds(answer.wait))
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return sendProblem(c, &answer)
}

// worthALine tells whether an answer is logged, and how many like it were not since the last one. Each failure is, but
// of overload one a second: whoever overloads the service would pay for none of the lines.
func (s *Server) worthALine(p *problem) (more int64, tell bool) {
	if p.kind != overloaded {
		return 0, p.Status >= 500
	}
	now, last := time.Now().Unix(), s.overload.logged.Load()
	if now == last || !s.overload.logged.CompareAndSwap(last, now) {
		s.overload.more.Add(1)
		return 0, false
	}
	return s.overload.more.Swap(0), true
}

// retryAfterSeconds rounds up: a client that comes a moment too early is refused again.
func retryAfterSeconds(wait time.Duration) string {
	if wait <= 0 {
		wait = retryAfter
	}
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}

// locate makes the type absolute.
func (p *eventProblem) locate(base string) {
	if p != nil {
		p.Type = base + p.Type
	}
}
