package api

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// defaultConnections bounds the memory of connections that do nothing: each has a read buffer of 32 KiB.
const defaultConnections = 4096

// boundedListener tells clients beyond a number of connections that there is no room, before anything is read of them.
type boundedListener struct {
	net.Listener
	most int64
	open atomic.Int64
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if acquire(&l.open, 1, l.most) {
			return &countedConn{Conn: conn, open: &l.open}, nil
		}
		go refuse(conn)
	}
}

// refuse answers without having read. The host is not known yet, so the type is relative to it.
func refuse(conn net.Conn) {
	body := fmt.Sprintf(`{"type":%q,"title":%q,"status":503,"detail":"too many connections are open","retryable":true}`, overloaded.Path(), overloaded.Title)
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

// countedConn gives its place back once, however often it is closed.
type countedConn struct {
	net.Conn
	open   *atomic.Int64
	closed atomic.Bool
}

func (c *countedConn) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}
