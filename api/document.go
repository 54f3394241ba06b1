package api

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// document is an answer that stays the same as long as the process runs.
type document struct {
	media string
	body  []byte
	etag  string
	csp   string // instead of the policy of all answers, if it is a page

	packed map[string]func() []byte // the body by content coding, each made at the first request for it
}

func newDocument(media string, body []byte) *document {
	sum := sha256.Sum256(body)
	// Weak, because the compressed form has the same tag (RFC 9110, section 8.8.1).
	packed := map[string]func() []byte{
		"gzip": sync.OnceValue(func() []byte {
			return fasthttp.AppendGzipBytesLevel(nil, body, fasthttp.CompressBestCompression)
		}),
		"deflate": sync.OnceValue(func() []byte {
			return fasthttp.AppendDeflateBytesLevel(nil, body, fasthttp.CompressBestCompression)
		}),
	}
	etag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return &document{packed: packed, media: media, body: body, etag: etag}
}

// page is a document for people.
func newPage(body []byte, csp string) *document {
	d := newDocument("text/html; charset=utf-8", body)
	d.csp = csp
	return d
}

// sharedKey marks an answer that all requests share, and that is compressed once if it is worth it.
type sharedKey struct{}

// send answers 304 to a client that has the document already. A cache may keep it for five minutes: documents change
// with releases only.
func (d *document) send(c *fiber.Ctx) error {
	c.Context().SetUserValue(sharedKey{}, true)
	c.Set(fiber.HeaderETag, d.etag)
	c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	if d.csp != "" {
		c.Set(fiber.HeaderContentSecurityPolicy, d.csp)
	}
	if matches(c.Get(fiber.HeaderIfNoneMatch), d.etag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, d.media)
	c.Vary(fiber.HeaderAcceptEncoding)
	if c.Get(fiber.HeaderAcceptEncoding) != "" {
		coding := c.AcceptsEncodings("gzip", "deflate", "identity")
		if packed, has := d.packed[coding]; has {
			c.Set(fiber.HeaderContentEncoding, coding)
			return c.Send(packed())
		}
	}
	return c.Send(d.body)
}

// matches compares weakly, as If-None-Match demands (RFC 9110, section 13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}
