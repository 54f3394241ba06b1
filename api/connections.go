package api

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
)

const (
	// defaultConnections bounds the memory of connections that do nothing: each has a read buffer of 32 KiB, 128 MiB in all.
	defaultConnections = 4096
	// spareConnections are beyond the bound, and serve health alone: who asks for it opens a new connection each time, and
	// would take a process that is only busy for one that is dead. Before it has asked, nobody knows who it is, so others
	// who come have a spare one for a moment, too; more than 64 newcomers in a round trip leave none.
	spareConnections = 64
	// spareTime is how long one of them is kept, so that strangers who say nothing don't hold them all. It is more than
	// a load balancer next door takes to ask.
	spareTime = time.Second
	// refusedConnections bounds those who are being told that there is no room. Beyond it nobody is told.
	refusedConnections = 256
)

// boundedListener tells clients beyond a number of connections that there is no room, before anything is read of them.
// The first few beyond it may ask for health.
type boundedListener struct {
	net.Listener
	most                  int64
	open, spare, refusing atomic.Int64
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		switch {
		case err != nil:
			return nil, err
		case acquire(&l.open, 1, l.most):
			return &countedConn{Conn: conn, counter: &l.open}, nil
		case acquire(&l.spare, 1, spareConnections):
			until := time.Now().Add(spareTime)
			if lingering, ok := conn.(*lingeringConn); ok {
				lingering.until = until
			}
			return &countedConn{Conn: conn, counter: &l.spare, until: until}, nil
		case acquire(&l.refusing, 1, refusedConnections):
			go func() {
				defer l.refusing.Add(-1)
				refuse(conn)
			}()
		default:
			_ = conn.Close() // whatever comes of it, nobody waits for it
		}
	}
}

// refuse answers without having read. The host is not known yet, so the type is relative to it.
func refuse(conn net.Conn) {
	body := fmt.Sprintf(`{"type":%q,"title":%q,"status":503,"detail":%q,"retryable":true}`, overloaded.Path(), overloaded.Title, tooManyConnections)
	if conn.SetDeadline(time.Now().Add(time.Second)) == nil {
		// Who does not take the answer does not get it.
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: %s\r\nContent-Length: %d\r\nRetry-After: 1\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n%s",
			mediaProblemJSON, len(body), body)
	}
	if c, ok := conn.(*lingeringConn); ok {
		c.linger.Store(true)
	}
	_ = conn.Close()
}

const tooManyConnections = "too many connections are open; send it again after a pause"

// countedConn gives its place back once, however often it is closed.
type countedConn struct {
	net.Conn
	counter *atomic.Int64
	until   time.Time // zero: within the bound
	closed  atomic.Bool
}

func (c *countedConn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	defer c.counter.Add(-1) // not before: a connection that lingers takes as much as others
	return c.Conn.Close()
}

// SetReadDeadline is never later than a spare connection may stay.
func (c *countedConn) SetReadDeadline(t time.Time) error {
	if !c.until.IsZero() && (t.IsZero() || t.After(c.until)) {
		t = c.until
	}
	return c.Conn.SetReadDeadline(t)
}

// admitConnection refuses what is asked on a connection beyond the bound, but for health. Such a connection serves one
// request.
func (s *Server) admitConnection(c *fiber.Ctx) error {
	if conn, ok := c.Context().Conn().(*countedConn); ok && !conn.until.IsZero() {
		c.Context().SetConnectionClose()
		if !s.health.asked(c) {
			return newProblem(overloaded, tooManyConnections)
		}
	}
	return c.Next()
}
