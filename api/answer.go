package api

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/valyala/fasthttp"
)

const (
	mediaJSON        = "application/json"
	mediaXML         = "application/xml"
	mediaTextXML     = "text/xml"
	mediaProblemJSON = "application/problem+json"
	mediaProblemXML  = "application/problem+xml"
)

// preferred chooses the format of the answer by the Accept header (RFC 9110, section 12.5.1): JSON, unless the client
// prefers XML. It is "" if the client accepts neither.
func preferred(c *fiber.Ctx) string {
	switch accept := c.Get(fiber.HeaderAccept); accept {
	case "", "*/*", mediaJSON: // nearly all requests
		return mediaJSON
	default:
		// Browsers prefer XML to everything but pages. There are no pages here, and people read JSON more easily.
		if strings.Contains(accept, "text/html") {
			return mediaJSON
		}
		return c.Accepts(mediaJSON, mediaXML, mediaTextXML)
	}
}

// negotiated refuses a request whose answer could not be sent, before it has any effect.
func negotiated(c *fiber.Ctx) error {
	if preferred(c) == "" {
		return newProblem(notAcceptable, notAcceptable.Detail)
	}
	return c.Next()
}

// send answers with v, whose root element in XML is called name. Where no format is acceptable, the answer is JSON:
// routes that refuse such requests are behind negotiated.
func send(c *fiber.Ctx, status int, name string, v any) error {
	c.Status(status)
	c.Vary(fiber.HeaderAccept)
	media := preferred(c)
	if media == mediaXML || media == mediaTextXML {
		return sendXML(c, media, xml.Name{Local: name}, v)
	}
	if v, ok := v.(jsonAppender); ok {
		return sendAppended(c, v)
	}
	return c.JSON(v)
}

func sendXML(c *fiber.Ctx, media string, root xml.Name, v any) error {
	body := c.Response().BodyWriter()
	if _, err := body.Write([]byte(xml.Header)); err != nil {
		return fmt.Errorf("write XML: %w", err)
	}
	if err := xml.NewEncoder(body).EncodeElement(v, xml.StartElement{Name: root}); err != nil {
		return fmt.Errorf("encode %s as XML: %w", root.Local, err)
	}
	c.Set(fiber.HeaderContentType, media+"; charset=utf-8")
	return nil
}

// sendProblem answers with a problem: in XML if the client prefers it, otherwise in JSON, whatever the client accepts.
func sendProblem(c *fiber.Ctx, p *problem) error {
	c.Status(p.Status)
	c.Vary(fiber.HeaderAccept)
	c.Response().ResetBody()
	p.bound(mostFaults, longestText)
	if prefersProblemXML(c) {
		return sendXML(c, mediaProblemXML, xml.Name{Space: "urn:ietf:rfc:7807", Local: "problem"}, p)
	}
	body, err := encodeJSON(p)
	if err != nil {
		return fmt.Errorf("encode problem: %w", err)
	}
	c.Set(fiber.HeaderContentType, mediaProblemJSON)
	return c.Send(body)
}

const (
	// mostFaults is how many faults one problem lists; for an event of a batch it is a tenth. A client with more faults
	// starts with these.
	mostFaults = 100
	// longestText bounds the part of a request that one text repeats; for an event of a batch it is a quarter.
	longestText = 1 << 10
	// longestFaults bounds the faults of all events of a batch together: five short ones for each of a thousand events.
	// Events beyond it have their problem without faults. Escaped in XML it is up to five times as much.
	longestFaults = 512 << 10
)

// bound keeps an answer from growing with the request that it refuses.
func (p *eventProblem) bound(faults, text int) {
	p.Instance, p.Detail = shorten(p.Instance, text), shorten(p.Detail, text)
	p.Errors = p.Errors[:min(len(p.Errors), faults)]
	for i := range p.Errors {
		e := &p.Errors[i]
		e.Pointer, e.Header = shorten(e.Pointer, text), shorten(e.Header, text)
		e.Parameter, e.Detail = shorten(e.Parameter, text), shorten(e.Detail, text)
	}
}

// faultBytes is how many bytes of the request the faults repeat.
func (p *eventProblem) faultBytes() (n int) {
	for i := range p.Errors {
		e := &p.Errors[i]
		n += len(e.Pointer) + len(e.Header) + len(e.Parameter) + len(e.Detail)
	}
	return n
}

func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// encodeJSON is json.Marshal without escapes for HTML: they make six bytes of one, and no answer is part of a page.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

func prefersProblemXML(c *fiber.Ctx) bool {
	accept := c.Get(fiber.HeaderAccept)
	if !strings.Contains(accept, "xml") || strings.Contains(accept, "text/html") {
		return false
	}
	return strings.HasSuffix(c.Accepts(mediaProblemJSON, mediaJSON, mediaProblemXML, mediaXML, mediaTextXML), "xml")
}

// secure keeps browsers from treating an answer as anything but data. Pages set a policy of their own.
func (s *Server) secure(c *fiber.Ctx) error {
	s.setSecure(c)
	return c.Next()
}

func (s *Server) setSecure(c *fiber.Ctx) {
	h := &c.Response().Header
	h.SetCanonical(nosniffName, nosniff)
	h.SetCanonical(policyName, policy)
	h.SetCanonical(referrerName, noReferrer)
	if s.https || s.overTLS(c) {
		h.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}

var ( // made once, in the form that the framework takes
	nosniffName, nosniff = []byte(fiber.HeaderXContentTypeOptions), []byte("nosniff")
	policyName, policy   = []byte(fiber.HeaderContentSecurityPolicy),
		[]byte("default-src 'none'; frame-ancestors 'none'")
	referrerName, noReferrer = []byte(fiber.HeaderReferrerPolicy), []byte("no-referrer")
)

// crossOrigin lets pages of the named origins use the API. Without origins, browsers keep all pages of other origins
// out. preflight answers what browsers ask before a request of such a page.
func crossOrigin(cfg Config) fiber.Handler { return shared(cfg, isPreflight) }

// preflight answers browsers that ask what a page of another origin may do.
func preflight(cfg Config) fiber.Handler {
	return shared(cfg, func(c *fiber.Ctx) bool { return !isPreflight(c) })
}

func isPreflight(c *fiber.Ctx) bool {
	return c.Method() == fiber.MethodOptions && c.Get(fiber.HeaderAccessControlRequestMethod) != ""
}

func shared(cfg Config, passOver func(*fiber.Ctx) bool) fiber.Handler {
	if len(cfg.CORSOrigins) == 0 {
		return func(c *fiber.Ctx) error { return c.Next() }
	}
	return cors.New(cors.Config{
		Next:         passOver,
		AllowOrigins: strings.Join(cfg.CORSOrigins, ","),
		AllowMethods: "GET, HEAD, POST, OPTIONS",
		AllowHeaders: corsHeaders(),
		ExposeHeaders: "Location, Retry-After, X-Request-Id, RateLimit, RateLimit-Policy, ETag, " +
			"Deprecation, Sunset, Link",
		MaxAge: 600, // browsers cut longer times
	})
}

// corsHeaders are the headers that a client may need. Headers of extensions may have any name, so they can't be listed:
// events with extensions are posted in structured mode.
func corsHeaders() string {
	return strings.Join([]string{"Authorization", "X-API-Key", "Content-Type", "Accept", "Idempotency-Key", "X-Request-Id",
		"traceparent", "tracestate", "If-None-Match", "ce-id", "ce-source", "ce-specversion", "ce-type",
		"ce-subject", "ce-time",
		"ce-dataschema", "ce-partitionkey"}, ", ")
}

// pack compresses an answer of more than 200 bytes with gzip or deflate, if its type is worth it and the client accepts
// one of them. The framework's own middleware has Brotli, too: half a megabyte of dictionary for answers of a few
// kilobytes.
var pack = fasthttp.CompressHandlerLevel(func(*fasthttp.RequestCtx) {}, fasthttp.CompressBestSpeed)

func compress(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	if c.Context().UserValue(sharedKey{}) == nil { // documents are compressed once, elsewhere
		pack(c.Context())
	}
	return nil
}
