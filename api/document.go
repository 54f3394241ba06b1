package api

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// document is an answer that stays the same as long as the process runs.
type document struct {
	media string
	body  []byte
	etag  string
	csp   string // instead of the policy of all answers, if it is a page
}

func newDocument(media string, body []byte) *document {
	sum := sha256.Sum256(body)
	// Weak, because the compressed form has the same tag (RFC 9110, section 8.8.1).
	return &document{media: media, body: body, etag: `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// page is a document for people.
func newPage(body []byte, csp string) *document {
	d := newDocument("text/html; charset=utf-8", body)
	d.csp = csp
	return d
}

// send answers 304 to who has it already. Five minutes old is good enough: it changes with releases only.
func (d *document) send(c *fiber.Ctx) error {
	c.Set(fiber.HeaderETag, d.etag)
	c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	if d.csp != "" {
		c.Set(fiber.HeaderContentSecurityPolicy, d.csp)
	}
	if matches(c.Get(fiber.HeaderIfNoneMatch), d.etag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, d.media)
	return c.Send(d.body)
}

// matches compares weakly, as If-None-Match wants it (RFC 9110, section 13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}
