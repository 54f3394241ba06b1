package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// request is an HTTP request as bytes. Before each use a counter is written where the ids of its events are, so that
// no two events are the same.
type request struct {
	bytes  []byte
	ids    []int // offsets of idDigits digits each
	events int   // number of events in it
	stamp  bool  // the ids are the time of sending, in nanoseconds since 1970, not a counter
}

const idDigits = 16

func (r *request) clone() *request {
	c := *r
	c.bytes = bytes.Clone(r.bytes)
	return &c
}

func (r *request) number(n uint64) uint64 {
	const digits = "0123456789abcdef"
	for _, at := range r.ids {
		n++
		v := n
		for i := idDigits - 1; i >= 0; i-- {
			r.bytes[at+i] = digits[v&15]
			v >>= 4
		}
	}
	return n
}

// connection is a minimal HTTP/1.1 client. On shared cores, net/http's client would take several times the CPU of the
// server.
type connection struct {
	conn    net.Conn
	in      *bufio.Reader
	request *request
	next    uint64

	mayBeRefused  bool // accepts 429 as an answer
	sent, refused uint64
}

// encrypted begins the address of a server that speaks TLS.
const encrypted = "tls://"

func open(addr string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if host, is := strings.CutPrefix(addr, encrypted); is { // with a certificate that nobody can verify
		return tls.DialWithDialer(dialer, "tcp", host, &tls.Config{InsecureSkipVerify: true})
	}
	return dialer.Dial("tcp", addr)
}

func dial(addr string, r *request, number int) (*connection, error) {
	conn, err := open(addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &connection{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), request: r.clone(), next: firstID(number)}, nil
}

// roundTrip sends the request and reads the answer. Any status but 200 and 202 is an error: after a 207, events are
// missing.
func (c *connection) roundTrip() error {
	if c.request.stamp {
		c.next = uint64(time.Now().UnixNano()) - 1
	}
	c.next = c.request.number(c.next)
	if _, err := c.conn.Write(c.request.bytes); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	status, err := c.line()
	if err != nil {
		return err
	}
	c.sent++
	code := string(status[min(9, len(status)):min(12, len(status))])
	if code == "429" && c.mayBeRefused {
		c.refused++
	} else if code != "200" && code != "202" {
		rest, _ := c.in.Peek(min(c.in.Buffered(), 1000))
		return fmt.Errorf("the server answers %q: %s", status, rest)
	}
	length := 0
	for {
		header, err := c.line()
		if err != nil {
			return err
		}
		if len(header) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(header, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return fmt.Errorf("read Content-Length: %w", err)
			}
		}
	}
	if _, err := io.CopyN(io.Discard, c.in, int64(length)); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// line reads one line without its line end.
func (c *connection) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// firstID leaves room for 2^40 events per connection, and makes a collision of two runs improbable.
func firstID(connection int) uint64 {
	return uint64(time.Now().UnixNano())<<50 | uint64(connection)<<40
}
