package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
	"event-processing-service/internal/telemetry"
)

// problem is a problem document (RFC 9457). It is an error, so that handlers return it and one place answers.
type problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty"`
	Instance  string       `json:"instance,omitempty"`
	Retryable bool         `json:"retryable"` // whether the same request, sent again, can succeed
	RequestID string       `json:"request_id,omitempty"`
	Errors    []fieldError `json:"errors,omitempty"`

	// Of a batch of which nothing was stored: one result an event, as in the answer of a batch that was.
	Accepted *int          `json:"accepted,omitempty"`
	Rejected *int          `json:"rejected,omitempty"`
	Results  []batchResult `json:"results,omitempty"`

	cause error // for the log only: internals never reach the caller
}

// fieldError is one fault of the request, with the place where it is.
type fieldError struct {
	Pointer   string `json:"pointer,omitempty"` // RFC 6901, into the body
	Header    string `json:"header,omitempty"`
	Parameter string `json:"parameter,omitempty"` // of the query
	Detail    string `json:"detail"`
}

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

func (p *problem) Unwrap() error { return p.cause }

// newProblem makes a problem whose title is the status's phrase, as about:blank demands (RFC 9457, section 4.2.1).
func newProblem(status int, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// retryAfter is what a client is told to wait, in seconds: a leader election is over by then, mostly.
const retryAfter = 1

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
		return newProblem(fiber.StatusBadRequest, syntax.Error())
	case errors.As(err, &invalid):
		p = newProblem(fiber.StatusBadRequest, "the event is not a valid CloudEvent 1.0; see errors")
		for _, f := range invalid.Fields {
			p.Errors = append(p.Errors, fieldError{Pointer: f.Pointer, Header: f.Header, Detail: f.Detail})
		}
		return p
	case errors.Is(err, event.ErrUnsupportedMedia):
		return newProblem(fiber.StatusUnsupportedMediaType, err.Error())
	case errors.As(err, &publish):
		return problemOfPublish(publish)
	case errors.As(err, &framing):
		return problemOfFramework(framing)
	}
	p = newProblem(fiber.StatusInternalServerError, "the service made a mistake; it is logged under the request id")
	p.cause = err
	return p
}

func problemOfPublish(err *event.PublishError) *problem {
	var p *problem
	switch err.Failure {
	case event.FailureTooLarge:
		p = newProblem(fiber.StatusRequestEntityTooLarge, "the event is larger than Kafka takes (about 1 MB with its attributes); send less data, or a reference to it")
	case event.FailureRejected:
		p = newProblem(fiber.StatusInternalServerError, "Kafka refuses events because of how the service is set up; its operators have to mend that")
	case event.FailureNeverSent:
		p = newProblem(fiber.StatusServiceUnavailable, "too much is waiting for Kafka; the event was not sent, so send it again after a pause")
	default:
		p = newProblem(fiber.StatusServiceUnavailable, "Kafka did not acknowledge the event in time, so whether it is stored is not known; send it again with the same source and id: a copy is dropped")
	}
	p.Retryable = err.Failure.Retryable()
	p.cause = err
	return p
}

// problemOfFramework explains what Fiber and fasthttp refuse before any handler sees it.
func problemOfFramework(err *fiber.Error) *problem {
	switch err.Code {
	case fiber.StatusNotFound:
		return newProblem(err.Code, "there is nothing at this path")
	case fiber.StatusMethodNotAllowed:
		return newProblem(err.Code, "this path does not take this method; see the Allow header for those that it does")
	case fiber.StatusRequestEntityTooLarge:
		return newProblem(err.Code, "the body is larger than this service takes; send fewer events at once, or less data")
	case fiber.StatusRequestHeaderFieldsTooLarge:
		return newProblem(err.Code, "the headers are larger than this service takes; use the structured mode for large attributes")
	case fiber.StatusRequestTimeout:
		p := newProblem(err.Code, "the request did not arrive in time")
		p.Retryable = true
		return p
	}
	return newProblem(err.Code, err.Message)
}

// handleError answers every error, the framework's own included.
func (s *Server) handleError(c *fiber.Ctx, err error) error {
	answer := *problemOf(err) // a copy: a problem may be a shared value
	answer.Instance = c.OriginalURL()
	answer.RequestID = requestIDOf(c)
	if answer.Status == fiber.StatusRequestEntityTooLarge {
		lingerOnClose(c)
	}
	if answer.Status >= 500 {
		s.log.ErrorContext(telemetry.WithRequestID(c.UserContext(), answer.RequestID), "request failed",
			"method", c.Method(), "path", c.Path(), "status", answer.Status, "error", err)
	}
	if answer.Retryable {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(retryAfter))
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	body, err := json.Marshal(answer)
	if err != nil {
		return err // cannot be: it is made of strings and numbers
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return c.Status(answer.Status).Send(body)
}
