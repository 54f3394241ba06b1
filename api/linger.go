package api

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
)

// A body over the limit is refused while the client still sends it. Closing the connection then, with bytes unread, makes
// the kernel reset it, and the reset can overtake the answer: the client would see a broken connection instead of the 413
// that says why. So such a connection lingers: it says that it is done, and reads on for a bounded while (RFC 9112,
// section 9.6).
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 64 << 20
)

type lingeringListener struct{ net.Listener }

func (l lingeringListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &lingeringConn{TCPConn: tcp}, nil
	}
	return conn, nil
}

type lingeringConn struct {
	*net.TCPConn
	until  time.Time // zero: it may linger for as long as others
	linger atomic.Bool
}

func (c *lingeringConn) Close() error {
	end := time.Now().Add(lingerTime)
	if !c.until.IsZero() && c.until.Before(end) {
		end = c.until
	}
	if c.linger.Load() && c.CloseWrite() == nil && c.SetReadDeadline(end) == nil {
		// Whatever ends the reading, the connection is closed next.
		_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytes)
	}
	return c.TCPConn.Close()
}

// lingerOnClose is for answers to requests that were not read to their end.
func lingerOnClose(c *fiber.Ctx) {
	conn := c.Context().Conn()
	if counted, ok := conn.(*countedConn); ok {
		conn = counted.Conn
	}
	if lingering, ok := conn.(*lingeringConn); ok {
		lingering.linger.Store(true)
	}
}
