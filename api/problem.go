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
		syntax  *event.SyntaxError
		invalid *event.InvalidError
		publish *event.PublishError
		framing *fiber.Error
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &syntax):
		return newProblem(malformed, syntax.Error())
	case errors.As(err, &invalid):
		p = newProblem(invalidEvent, invalidEvent.Detail)
		for _, f := range invalid.Fields {
			p.Errors = append(p.Errors, fieldError{Pointer: f.Pointer, Header: f.Header, Detail: f.Detail})
		}
		return p
	case errors.Is(err, event.ErrUnsupportedMedia):
		return newProblem(unsupportedMedia, err.Error())
	case errors.As(err, &publish):
		return problemOfPublish(publish)
	case errors.As(err, &framing):
		return problemOfFramework(framing)
	}
	p = newProblem(internalError, internalError.Detail)
	p.cause = err
	return p
}

func problemOfPublish(err *event.PublishError) *problem {
	k := outcomeUnknown
	switch err.Failure {
	case event.FailureTooLarge:
		k = eventTooLarge
	case event.FailureRejected:
		k = kafkaRefuses
	case event.FailureNeverSent:
		k = notSent
	}
	p := newProblem(k, k.Detail)
	p.cause = err
	return p
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
		lingerOnClose(c)
	}
	client := clientOf(c)
	s.metrics.refused(client, answer.kind.Name)
	if answer.Status >= 500 {
		s.log.ErrorContext(telemetry.WithRequestID(c.UserContext(), answer.RequestID), "request failed",
			"method", c.Method(), "path", c.Path(), "status", answer.Status, "problem", answer.kind.Name, "client", client, "error", err)
	}
	if answer.Retryable {
		c.Set(fiber.HeaderRetryAfter, retryAfterSeconds(answer.wait))
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return sendProblem(c, &answer)
}

// retryAfterSeconds rounds up: who comes a moment too early is refused again.
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
