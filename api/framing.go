package api

import (
	"bytes"
	"net"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// largeHead is more than the headers of nearly all requests. After a larger head the connection is closed, so that no
// idle connection keeps the memory of a large head.
const largeHead = 8 << 10

// unroutedMethod replaces every unknown method: no route has it, so the answer is 404, or 405 with Allow.
const unroutedMethod = fiber.MethodTrace

// surround puts this package's own steps around the framework's in its HTTP server.
func (s *Server) surround(server *fasthttp.Server) {
	server.Handler = s.around(server.Handler)
	unparsed := server.ErrorHandler
	server.ErrorHandler = func(ctx *fasthttp.RequestCtx, err error) {
		s.refuse(ctx, func(*fiber.Ctx) error { unparsed(ctx, err); return nil })
	}
	server.ConnState = func(conn net.Conn, state fasthttp.ConnState) {
		if c, ok := conn.(*clientConn); ok && state == fasthttp.StateIdle {
			c.answerWritten()
		}
	}
}

// around is what stands between the HTTP parser and the framework. The framework answers an unknown method before
// all middleware, and leaves what it did not read of a body to be run as the next request; and the parser reads
// some things leniently that a proxy in front may read in another way.
func (s *Server) around(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	known := s.app.Config().RequestMethods
	return func(ctx *fasthttp.RequestCtx) {
		if conn, ok := ctx.Conn().(*clientConn); ok {
			conn.yield(conn.heard)
			defer func() { conn.yield(!conn.heard) }()
		}
		header := &ctx.Request.Header
		if fault := faultOf(header); fault != "" {
			s.refuse(ctx, func(c *fiber.Ctx) error {
				return s.handleError(c, newProblem(malformed, "the request is not well-formed HTTP: "+fault))
			})
			return
		}
		if !slices.Contains(known, string(header.Method())) {
			header.SetMethod(unroutedMethod)
			ctx.SetConnectionClose()
		}
		next(ctx)
		s.countAnswer(ctx)
		if len(header.RawHeaders())+len(header.RequestURI()) > largeHead || s.draining.Load() {
			ctx.SetConnectionClose()
		}
		closeUnread(ctx)
	}
}

// refuse answers a request that did not reach the middlewares. Nothing more of it is read.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, answer func(*fiber.Ctx) error) {
	c := s.app.AcquireCtx(ctx)
	defer s.app.ReleaseCtx(c)
	s.setSecure(c)
	if err := answer(c); err != nil {
		c.Status(fiber.StatusInternalServerError)
	}
	ctx.SetConnectionClose()
	lingerOnClose(ctx)
}

// faultOf names a fault that the parser accepts, and that a server may or must refuse by RFC 9112. "": there is none.
func faultOf(h *fasthttp.RequestHeader) string {
	if version := h.Protocol(); string(version) != "HTTP/1.1" && string(version) != "HTTP/1.0" {
		return "the version must be HTTP/1.1" // section 2.3
	}
	if !validHost(h.Host()) {
		return "the Host is not a host name or address" // section 3.2
	}
	types := 0
	for rest := h.RawHeaders(); len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		switch {
		case end < 1 || rest[end-1] != '\r':
			return "a line of the headers does not end in CR LF" // section 2.2
		case rest[0] == ' ' || rest[0] == '\t':
			return "a header is folded" // section 5.2
		case end > 1 && !token(rest[:max(bytes.IndexByte(rest, ':'), 0)]):
			return "the name of a header is not a token" // section 5.1
		case h.ContentLength() == -1 && named(rest, "content-length:"):
			return "Transfer-Encoding and Content-Length contradict each other" // section 6.1
		case h.ContentLength() != -1 && named(rest, "transfer-encoding:"):
			return "the Transfer-Encoding must be chunked" // section 6.1
		}
		if named(rest, "content-type:") {
			types++
		}
		rest = rest[end+1:]
	}
	if types > 1 {
		return "there are two Content-Types, and either could say what the body is" // RFC 9110, section 5.3
	}
	return ""
}

func named(line []byte, name string) bool {
	return len(line) >= len(name) && line[0]|0x20 == name[0] && bytes.EqualFold(line[:len(name)], []byte(name))
}

// token reports whether a name is a token of RFC 9110, section 5.6.2.
func token(name []byte) bool {
	for _, c := range name {
		if !tokenBytes[c] {
			return false
		}
	}
	return len(name) > 0
}

var tokenBytes = bytesOf("!#$%&'*+-.^_`|~" + alphanumeric)

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func bytesOf(text string) (table [256]bool) {
	for i := range len(text) {
		table[text[i]] = true
	}
	return table
}

// validHost reports whether a Host header has only characters that are allowed in it (RFC 3986, section 3.2.2).
// HTTP/1.0 may omit the header.
func validHost(host []byte) bool {
	for _, c := range host {
		if !hostBytes[c] {
			return false
		}
	}
	return true
}

var hostBytes = bytesOf("-._~%!$&'()*+,;=:[]" + alphanumeric)

// closeUnread ends the connection after a request whose body was not read to its end, as what is left of it would
// be taken for the next request, and after a body in chunks: the parser takes a bare LF for the end of what follows
// the last chunk, where a proxy in front may see the next request as part of it.
func closeUnread(ctx *fasthttp.RequestCtx) {
	length := ctx.Request.Header.ContentLength()
	if length == -1 || length > prefetched && ctx.RequestBodyStream() != nil {
		ctx.SetConnectionClose()
		lingerOnClose(ctx)
	}
}
