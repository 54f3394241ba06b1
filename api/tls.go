package api

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// TLS lies below everything else of this package: a clientConn reads and writes through it, so the bounds on
// connections, times and framing are those of plain HTTP, on what was decrypted. Three things are of its own. To read
// may be to write, in a handshake or for a new key, so that needs its time. To close says good-bye to the other side,
// which waits where that side does not read. And some clients speak plain HTTP.

// boundWriting sets the time for what reading may write.
func (c *clientConn) boundWriting() error {
	if _, encrypted := c.Conn.(*tls.Conn); !encrypted || !c.write.moved() {
		return nil
	}
	return c.Conn.SetWriteDeadline(c.write.wanted)
}

// wireOf is the connection below TLS.
func wireOf(conn net.Conn) net.Conn {
	if encrypted, is := conn.(*tls.Conn); is {
		return encrypted.NetConn()
	}
	return conn
}

// endWriting tells an encrypted client that its answer is whole. Without it the client could take it for cut off.
func (c *clientConn) endWriting() {
	if encrypted, is := c.Conn.(*tls.Conn); is {
		_ = encrypted.CloseWrite() // which bounds itself to 5 s; before a handshake there is nothing to say
	}
}

// plainHTTPAnswer is for a client that has not read the address it was given. It knows no request, so no page.
const plainHTTPAnswer = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n" +
	"Connection: close\r\n\r\n" +
	`{"type":"about:blank","title":"Bad Request","status":400,` +
	`"detail":"this port speaks HTTPS, and the request came in plain HTTP","retryable":false}` + "\n"

// answerPlainHTTP answers a request that came where a handshake should have.
func (c *clientConn) answerPlainHTTP(err error) {
	var header tls.RecordHeaderError
	if !errors.As(err, &header) || header.Conn == nil || !looksLikeHTTP(header.RecordHeader) {
		return
	}
	if header.Conn.SetWriteDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.WriteString(header.Conn, plainHTTPAnswer)
		c.linger.Store(true)
	}
}

// looksLikeHTTP tells whether the first bytes are those of a method and a target.
func looksLikeHTTP(first [5]byte) bool {
	for _, b := range first {
		if (b < 'A' || b > 'Z') && b != ' ' && b != '/' {
			return false
		}
	}
	return true
}
