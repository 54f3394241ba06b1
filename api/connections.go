package api

import (
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

const (
	// defaultConnections is for a process whose memory has no bound; see memory.go for one that has.
	defaultConnections = 4096
	// spareConnections are beyond the bound, and serve health alone: whoever asks for it opens a new connection each
	// time, and would take a process that is only busy for one that is dead. Before it has asked, nobody knows who it
	// is, so others have a spare one for a moment, too. The newest always has one, in place of the oldest: to take
	// it from a probe next door, 64 strangers would have to connect in the time that the probe takes to ask.
	spareConnections = 64
	// spareTime bounds the life of a spare connection.
	spareTime = time.Second
	// idleTime is longer than the load balancer's 60 s, so that the balancer closes idle connections first.
	idleTime = 75 * time.Second

	// A body over the limit is refused while the client still sends it. Closing the connection then, with bytes unread,
	// makes the kernel reset it, and the reset can overtake the answer: the client would see a broken connection instead
	// of the 413 that says why. So such a connection lingers: it says that it is done, and reads on for a bounded while
	// (RFC 9112, section 9.6).
	lingerTime  = 2 * time.Second
	lingerBytes = 64 << 20

	tooManyConnections = "too many connections are open; send it again after a pause"
)

// boundedListener counts connections. Connections beyond the bound are spare ones.
type boundedListener struct {
	net.Listener
	load *load
	most int64
	idle time.Duration // how long a connection may be idle while more than half of the bound are open
	open atomic.Int64

	mu    sync.Mutex
	spare []*clientConn // the oldest first
}

func (l *boundedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &clientConn{Conn: conn, wire: wireOf(conn), from: l}
	if !acquire(&l.open, 1, l.most) {
		c.until = time.Now().Add(spareTime)
		l.addSpare(c)
	}
	return c, nil
}

func (l *boundedListener) addSpare(c *clientConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spare) == spareConnections {
		_ = l.spare[0].wire.Close() // whoever serves it finds it closed; TLS would say good-bye first, and wait
		l.spare = slices.Delete(l.spare, 0, 1)
	}
	l.spare = append(l.spare, c)
}

func (l *boundedListener) leave(c *clientConn) {
	if c.until.IsZero() {
		l.open.Add(-1)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spare = slices.DeleteFunc(l.spare, func(other *clientConn) bool { return other == c })
}

// clientConn is one connection of a client.
type clientConn struct {
	net.Conn
	wire   net.Conn // Conn, or what is below its TLS
	from   *boundedListener
	until  time.Time // when a spare one ends; zero: it is within the bound
	linger atomic.Bool
	closed atomic.Bool
	answer atomic.Int64 // bytes of what is being written
	heard  bool         // something was read since it was last asked whether to yield
	read   deadline
	write  deadline
	chunks *allowance // nil: no body in chunks is being read. It stays to the end, as such a body is the last
}

// Read records that the goroutine has waited for the client. One goroutine reads and serves a connection.
func (c *clientConn) Read(p []byte) (int, error) {
	c.heard = true
	if c.read.moved() {
		if err := c.Conn.SetReadDeadline(c.read.wanted); err != nil {
			return 0, err
		}
		if err := c.boundWriting(); err != nil {
			return 0, err
		}
	}
	if c.chunks != nil {
		return c.chunks.read(c.Conn, p)
	}
	n, err := c.Conn.Read(p)
	if err != nil {
		c.answerPlainHTTP(err)
	}
	return n, err
}

func (c *clientConn) Write(p []byte) (int, error) {
	if c.write.moved() {
		if err := c.Conn.SetWriteDeadline(c.write.wanted); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// yield lets others run, unless the client was waited for just now. It is asked before a request, which may have
// come together with the one before, and after one whose body had to be read, which may have been there already.
// Nothing else would make a connection wait that has sent many at once: it would run for 10 ms at a time, and on
// one processor a thousand of them would keep everybody waiting for 10 s, whoever asks for health too.
func (c *clientConn) yield(waited bool) {
	if !waited {
		runtime.Gosched()
	}
	c.heard = false
}

// Close gives the connection's place back once, however often it is called, and not before the end: a connection that
// lingers takes as much as others.
func (c *clientConn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	defer c.from.leave(c)
	defer c.answerWritten()
	if c.linger.Load() {
		c.endWriting()
		if tcp, ok := c.wire.(*net.TCPConn); ok && tcp.CloseWrite() == nil &&
			tcp.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			// Whatever ends the reading, the connection is closed next. Nobody decrypts what is thrown away.
			_, _ = io.CopyN(io.Discard, tcp, lingerBytes)
		}
	}
	return c.Conn.Close()
}

// SetReadDeadline is never later than a spare connection may stay, nor, while many are open, than one may be idle. It
// leaves a moment for the answer to a client that was too slow: the HTTP server sets a time for other answers alone,
// and that of the last one may be over.
func (c *clientConn) SetReadDeadline(t time.Time) error {
	switch {
	case !c.until.IsZero():
		t = earlier(t, c.until)
	case c.from.open.Load() > c.from.most/2:
		t = earlier(t, time.Now().Add(c.from.idle))
	}
	c.read.wanted = t
	if !t.IsZero() {
		c.write.wanted = t.Add(lingerTime)
	}
	return nil
}

func (c *clientConn) SetWriteDeadline(t time.Time) error {
	c.write.wanted = t
	return nil
}

// deadline is when a read or a write must end. The HTTP server moves three for each request, of which most come to
// nothing, so the connection hears of one when it is next read or written, and of a later one after a second.
type deadline struct{ wanted, told time.Time }

// moved reports whether the connection must be told of the new deadline.
func (d *deadline) moved() bool {
	if later := d.wanted.Sub(d.told); later >= 0 && later < time.Second {
		return false
	}
	d.told = d.wanted
	return true
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// lingerOnClose is for answers to requests that were not read completely.
func lingerOnClose(ctx *fasthttp.RequestCtx) {
	if conn, ok := ctx.Conn().(*clientConn); ok {
		conn.linger.Store(true)
	}
}

// admitConnection refuses requests on connections beyond the bound, except health checks. Such a connection serves one
// request.
func (s *Server) admitConnection(c *fiber.Ctx) error {
	if conn, ok := c.Context().Conn().(*clientConn); ok && !conn.until.IsZero() {
		c.Context().SetConnectionClose()
		if !isHealth(c) {
			return newProblem(overloaded, tooManyConnections)
		}
	}
	return c.Next()
}
