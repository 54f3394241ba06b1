package api

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"
)

const (
	mediaJSON        = "application/json"
	mediaXML         = "application/xml"
	mediaTextXML     = "text/xml"
	mediaProblemJSON = "application/problem+json"
	mediaProblemXML  = "application/problem+xml"
)

// preferred chooses what to answer in by the Accept header (RFC 9110, section 12.5.1): JSON, unless XML is wanted more.
// It is "" if neither is taken.
func preferred(c *fiber.Ctx) string {
	switch accept := c.Get(fiber.HeaderAccept); accept {
	case "", "*/*", mediaJSON: // nearly all requests
		return mediaJSON
	default:
		// Browsers prefer XML to anything but pages, of which there are none here; people read JSON better.
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

// send answers with v, whose root element in XML is called name. Where nothing is acceptable it is JSON: routes that
// refuse that are behind negotiated.
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

// sendProblem answers with a problem: in XML where that is asked for, else in JSON, whatever is accepted.
func sendProblem(c *fiber.Ctx, p *problem) error {
	c.Status(p.Status)
	c.Vary(fiber.HeaderAccept)
	c.Response().ResetBody()
	if prefersProblemXML(c) {
		return sendXML(c, mediaProblemXML, xml.Name{Space: "urn:ietf:rfc:7807", Local: "problem"}, p)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode problem: %w", err)
	}
	c.Set(fiber.HeaderContentType, mediaProblemJSON)
	return c.Send(body)
}

func prefersProblemXML(c *fiber.Ctx) bool {
	accept := c.Get(fiber.HeaderAccept)
	if !strings.Contains(accept, "xml") || strings.Contains(accept, "text/html") {
		return false
	}
	return strings.HasSuffix(c.Accepts(mediaProblemJSON, mediaJSON, mediaProblemXML, mediaXML, mediaTextXML), "xml")
}
