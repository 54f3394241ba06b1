package limit

import (
	"context"
	"errors"
	"net"
)

const (
	// longestReply is more than the limiter's script, or the greeting, is ever answered with.
	longestReply = 16 << 10
	// longestLength is of how many digits a length may be in it.
	longestLength = 3
)

var errReply = errors.New("the store's reply is longer than any that is asked for")

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// bounded bounds what connections are answered. The client makes room for as many values as a reply announces, and
// something other than a store could announce a billion.
func (d dialer) bounded(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &boundedConn{Conn: conn}, nil
}

// boundedConn counts the bytes of each reply and the digits of each length in it.
type boundedConn struct {
	net.Conn
	bytes  int  // since the last question
	within int  // bytes of the line so far
	length bool // the line begins with the length of a list
}

func (c *boundedConn) Write(p []byte) (int, error) {
	c.bytes = 0
	return c.Conn.Write(p)
}

func (c *boundedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.bytes += n; c.bytes > longestReply {
		return 0, errReply
	}
	for _, b := range p[:n] {
		switch {
		case b == '\n':
			c.within = 0
			continue
		case c.within == 0:
			c.length = b == '*' || b == '%' || b == '~' || b == '>' || b == '|'
		case c.length && b != '\r' && c.within > longestLength:
			return 0, errReply
		}
		c.within++
	}
	return n, err
}
