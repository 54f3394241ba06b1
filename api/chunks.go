package api

import (
	"errors"
	"io"

	"github.com/gofiber/fiber/v2"
)

const (
	// freeFraming is how many bytes of a body in chunks may come before any of its data does, and framingPerByte how many
	// more each byte of data allows. The parser passes over extensions and spaces behind a chunk's size (RFC 9112,
	// section 7.1.1) however long they are, so a client could keep a processor busy for as long as ReadTimeout and would
	// never reach MaxBodyBytes. Chunks of one byte are six bytes each.
	freeFraming    = 64 << 10
	framingPerByte = 8
)

var errFraming error = newProblem(malformed, "the chunks of the body have more framing than data; "+
	"send larger chunks, without extensions, or a Content-Length")

// chunkedBody is a body in chunks. It reads only as much framing as its data allows.
type chunkedBody struct {
	io.Reader
	conn *clientConn
}

func newChunkedBody(c *fiber.Ctx, stream io.Reader) io.Reader {
	conn, ok := c.Context().Conn().(*clientConn)
	if !ok {
		return stream
	}
	conn.chunks = &allowance{left: freeFraming}
	return chunkedBody{stream, conn}
}

// Read returns the connection's error where there is one: the parser's error does not mention a time-out.
func (b chunkedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.conn.chunks.left += framingPerByte * int64(n)
	if failed := b.conn.chunks.err; failed != nil && err != nil && !errors.Is(err, io.EOF) {
		err = failed
	}
	return n, err
}

// allowance is how much more may be read from a connection, and the error that ended the reading.
type allowance struct {
	left int64
	err  error
}

func (a *allowance) read(from io.Reader, p []byte) (n int, err error) {
	if a.left <= 0 {
		a.err = errFraming
		return 0, a.err
	}
	n, err = from.Read(p[:min(int64(len(p)), a.left)])
	if a.left -= int64(n); err != nil && !errors.Is(err, io.EOF) {
		a.err = err
	}
	return n, err
}
