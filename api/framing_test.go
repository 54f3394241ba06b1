package api_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
)

const eventHead = "POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/cloudevents+json\r\n"

// hidden is a request that stands where a body is. Whoever runs it has been smuggled to.
const hidden = "GET /v1/schemas HTTP/1.1\r\nHost: h\r\n\r\n"

func chunkedBody(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }

// eachByte is a body in chunks of one byte, each with an extension.
func eachByte(body, extension string) string {
	var all strings.Builder
	for _, b := range []byte(body) {
		fmt.Fprintf(&all, "1%s\r\n%c\r\n", extension, b)
	}
	return all.String() + "0\r\n\r\n"
}

// trailed is a body in chunks with fields behind it.
func trailed(fields string) string {
	return strings.TrimSuffix(chunkedBody(structured), "\r\n") + fields + "\r\n"
}

func TestWhatRFC9112DemandsOfAServer(t *testing.T) {
	s := serve(t, &broker{}, nil)
	const refused, stored = "HTTP/1.1 400 ", "HTTP/1.1 202 "
	head := strings.TrimSuffix(eventHead, "\r\n")
	for _, c := range []struct{ section, name, request, want string }{
		{"2.2", "an empty line before the request is passed over", "\r\n" + hidden, "HTTP/1.1 200 "},
		{"2.2", "a bare LF ends no header", "GET /hello HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", refused},
		{"2.2", "a bare LF does not end the headers", "GET /hello HTTP/1.1\r\nHost: h\r\n\n", refused},
		{"2.2", "a bare CR is not a space", "GET /hello HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", refused},
		{"2.2", "whitespace before the first header", "GET /hello HTTP/1.1\r\n Host: h\r\n\r\n", refused},
		{"2.3", "a version that is not spoken here", "GET /hello HTTP/3.0\r\nHost: h\r\n\r\n", refused},
		{"2.3", "a version in small letters", "GET /hello http/1.1\r\nHost: h\r\n\r\n", refused},
		{"3", "whitespace in the target", "GET /hel lo HTTP/1.1\r\nHost: h\r\n\r\n", refused},
		{"3.1", "an unknown method", "PURGE /hello HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405 "},
		{"3.1", "a method in small letters", "get /hello HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405 "},
		{"3.2", "no Host", "GET /hello HTTP/1.1\r\n\r\n", refused},
		{"3.2", "two Hosts", "GET /hello HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", refused},
		{"3.2", "a Host that names no host", "GET /hello HTTP/1.1\r\nHost: h/i\r\n\r\n", refused},
		{"3.2", "a Host with a user in front", "GET /hello HTTP/1.1\r\nHost: u@h\r\n\r\n", refused},
		{"3.2", "a target that is not one", "GET hello HTTP/1.1\r\nHost: h\r\n\r\n", refused},
		{"3.2.2", "an absolute target", "GET http://h/hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
			"HTTP/1.1 200 "},
		{"3.2.4", "an asterisk with another method than OPTIONS", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", refused},
		{"5.1", "a space before the colon", "GET /hello HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", refused},
		{"5.1", "a tab before the colon", "GET /hello HTTP/1.1\r\nHost: h\r\nA\t: b\r\n\r\n", refused},
		{"5.1", "a space within a name", "GET /hello HTTP/1.1\r\nHost: h\r\nA B: c\r\n\r\n", refused},
		{"5.1", "a header without a name", "GET /hello HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", refused},
		{"5.2", "a folded header", "GET /hello HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", refused},
		{"5.2", "a header folded by a tab", "GET /hello HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n", refused},
		{"5.5", "a NUL in a value", "GET /hello HTTP/1.1\r\nHost: h\r\nA: b\x00c\r\n\r\n", refused},
		{"6.1", "Transfer-Encoding in HTTP/1.0",
			strings.Replace(head, "1.1", "1.0", 1) + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
				chunkedBody(structured), refused},
		{"6.1", "Transfer-Encoding beside Content-Length",
			eventHead + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunkedBody(structured), refused},
		{"6.1", "Content-Length beside Transfer-Encoding",
			eventHead + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunkedBody(structured), refused},
		{"6.1", "two Transfer-Encodings", eventHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" +
			chunkedBody(structured), refused},
		{"6.1", "chunked twice", eventHead + "Transfer-Encoding: chunked, chunked\r\n\r\n" +
			chunkedBody(structured), refused},
		{"6.1", "chunked not last", eventHead + "Transfer-Encoding: chunked, gzip\r\n\r\n" +
			chunkedBody(structured), refused},
		{"6.1", "an unknown coding", eventHead + "Transfer-Encoding: xchunked\r\n\r\n" + chunkedBody(structured), refused},
		{"6.1", "identity, which is no more", eventHead + "Transfer-Encoding: identity\r\n\r\n", refused},
		{"6.1", "a coding behind a vertical tab", eventHead + "Transfer-Encoding: \x0bchunked\r\n\r\n" +
			chunkedBody(structured), refused},
		{"6.3", "two Content-Lengths that differ",
			eventHead + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", refused},
		{"6.3", "a list of Content-Lengths", eventHead + "Content-Length: 5, 6\r\n\r\nabcdef", refused},
		{"6.3", "a Content-Length with a sign", eventHead + "Content-Length: +5\r\n\r\nabcde", refused},
		{"6.3", "a negative Content-Length", eventHead + "Content-Length: -1\r\n\r\nabcde", refused},
		{"6.3", "a Content-Length in hex", eventHead + "Content-Length: 0x5\r\n\r\nabcde", refused},
		{"6.3", "a Content-Length beyond 64 bits", eventHead + "Content-Length: 18446744073709551621\r\n\r\nabcde", refused},
		{"7.1", "a body in chunks", eventHead + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" +
			chunkedBody(structured), stored},
		{"7.1", "chunked in capitals", eventHead + "Connection: close\r\nTransfer-Encoding: CHUNKED\r\n\r\n" +
			chunkedBody(structured), stored},
		{"7.1", "a size that is not a number", eventHead + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", refused},
		{"7.1", "a size with a sign", eventHead + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", refused},
		{"7.1", "a size beyond 64 bits", eventHead + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nabc", refused},
		{"7.1", "a chunk that is longer than its size",
			eventHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", refused},
		{"7.1", "a size that ends in a bare LF",
			eventHead + "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", refused},
		{"7.1.1", "an extension that has a bare LF",
			eventHead + "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n", refused},
		{"7.1.1", "an extension is passed over", eventHead + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" +
			strings.Replace(chunkedBody(structured), "\r\n", ";a=b\r\n", 1), stored},
		{"7.1.1", "whitespace behind a size is passed over", eventHead + "Connection: close\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n" + strings.Replace(chunkedBody(structured), "\r\n", " \t\r\n", 1), stored},
		{"7.1.1", "whitespace before an extension, which the parser refuses",
			eventHead + "Transfer-Encoding: chunked\r\n\r\n" +
				strings.Replace(chunkedBody(structured), "\r\n", " ;a=b\r\n", 1), refused},
		{"7.1.1", "an extension that is longer than its data allows", eventHead + "Transfer-Encoding: chunked\r\n\r\n" +
			strings.Replace(chunkedBody(structured), "\r\n", ";"+strings.Repeat("a", 128<<10)+"\r\n", 1), refused},
		{"7.1.1", "whitespace that is longer than the data allows", eventHead + "Transfer-Encoding: chunked\r\n\r\n" +
			strings.Replace(chunkedBody(structured), "\r\n", strings.Repeat(" ", 128<<10)+"\r\n", 1), refused},
		{"7.1.1", "many chunks with extensions", eventHead + "Transfer-Encoding: chunked\r\n\r\n" +
			eachByte(structured, ";"+strings.Repeat("a", 4<<10)), refused},
		{"7.1.1", "many chunks without", eventHead + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" +
			eachByte(strings.Repeat(" ", 200<<10)+structured, ""), stored},
		{"7.1.2", "a field behind the body, which a header must not be overruled by", eventHead +
			"Transfer-Encoding: chunked\r\n\r\n" + trailed("Idempotency-Key: 1\r\n") + hidden, refused},
		{"7.1.2", "a field that was announced", eventHead + "Trailer: ce-id\r\nTransfer-Encoding: chunked\r\n\r\n" +
			trailed("ce-id: 1\r\n") + hidden, refused},
		{"7.1.2", "a field behind the body that ends in a bare LF", eventHead + "Transfer-Encoding: chunked\r\n\r\n" +
			trailed("A: b\n") + hidden, refused},
		{"9110, 5.3", "two Content-Types", eventHead + "Content-Type: text/plain\r\n" +
			"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /s\r\nce-type: t\r\nContent-Length: 0\r\n\r\n", refused},
		{"8", "a body that ends early", eventHead + "Transfer-Encoding: chunked\r\n\r\n100\r\nabc", refused},
	} {
		t.Run(c.section+" "+c.name, func(t *testing.T) {
			one := *s
			one.t = t
			got := one.rawHalf(c.request)
			if !strings.HasPrefix(got, c.want) || c.want == refused &&
				!strings.Contains(got, "/docs/problems/malformed-request") {
				t.Errorf("answered %q, want %s", got, c.want)
			}
			if !strings.HasPrefix(got, "HTTP/1.1 2") && !strings.Contains(got, "Connection: close\r\n") {
				t.Errorf("the connection is not said to close: %q", got)
			}
		})
	}
}

// Nothing that is left of a request may be taken for the next one, whatever refuses it, and wherever.
func TestNoAnswerLeavesPartOfItsRequestToBeRunAsTheNext(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.Clients = nil })
	for _, line := range []string{
		"PURGE /x", "FOO /v1/events", "get /hello", "PROPFIND /", "CONNECT h:80", "TRACE /hello", "DELETE /v1/events",
		"GET /hello",
		"GET /nowhere", "HEAD /hello", "OPTIONS /v1/events", "OPTIONS *", "POST /v1/events", "POST /health/live", "PUT /docs",
	} {
		for name, framing := range map[string]string{
			"a short body": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(hidden), hidden),
			"a long body":  fmt.Sprintf("Content-Length: %d\r\n\r\n%s%s", 9<<10+len(hidden), strings.Repeat("x", 9<<10), hidden),
			"more than is drained": fmt.Sprintf("Content-Length: %d\r\n\r\n%s%s", 900<<10+len(hidden),
				strings.Repeat("x", 900<<10), hidden),
			"chunks": "Transfer-Encoding: chunked\r\n\r\n" + chunkedBody(strings.Repeat("x", 9<<10)+hidden),
		} {
			t.Run(line+" with "+name, func(t *testing.T) {
				one := *s
				one.t = t
				got := one.rawHalf(line + " HTTP/1.1\r\nHost: h\r\n" + framing)
				if n := strings.Count(got, "HTTP/1.1 "); n != 1 {
					t.Errorf("%d answers to one request: %q", n, got)
				}
			})
		}
	}
}

func TestAClientThatStopsWithinAChunkIsToldThatItIsTooSlow(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.ReadTimeout = 200 * time.Millisecond })
	for name, part := range map[string]string{
		"its size": "1", "its extension": "1;a", "its data": "5\r\nab", "its end": "1\r\na",
	} {
		t.Run(name, func(t *testing.T) {
			one := *s
			one.t = t
			got := one.raw(eventHead+"Transfer-Encoding: chunked\r\n\r\n"+part, 5*time.Second)
			if !strings.HasPrefix(got, "HTTP/1.1 408 ") {
				t.Errorf("answered %q", got)
			}
		})
	}
}

// Where a body in chunks ends, a proxy in front may see it end elsewhere, so nothing behind it is run.
func TestNothingIsRunBehindABodyInChunks(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for _, end := range []string{"\r\n", "\n", "\n\r\n", "A: b\n\r\n", "A: b\r\n\n", ": b\n\r\n", " \n\r\n"} {
		t.Run(fmt.Sprintf("%q", end), func(t *testing.T) {
			one := *s
			one.t = t
			got := one.rawHalf(eventHead + "Transfer-Encoding: chunked\r\n\r\n" +
				strings.TrimSuffix(chunkedBody(structured), "\r\n") + end + hidden)
			if n := strings.Count(got, "HTTP/1.1 "); n != 1 || !strings.Contains(got, "Connection: close\r\n") {
				t.Errorf("%d answers: %q", n, got)
			}
		})
	}
}

func TestAnUnknownMethodIsAnsweredAsAnyRequestIs(t *testing.T) {
	s := serve(t, &broker{}, nil)
	got := s.raw("PURGE /v1/events HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\n\r\n", 5*time.Second)
	for _, part := range []string{
		"HTTP/1.1 405 ", "Allow: POST, OPTIONS\r\n", "X-Request-Id: mine\r\n", "Connection: close\r\n",
		"/docs/problems/method-not-allowed",
		"X-Content-Type-Options: nosniff\r\n",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("there is no %q in %q", part, got)
		}
	}
}

func TestALargeHeadEndsItsConnectionSoThatNoIdleOneKeepsIt(t *testing.T) {
	s := serve(t, &broker{}, nil)
	got := s.raw("GET /hello HTTP/1.1\r\nHost: h\r\nA: "+strings.Repeat("x", 30<<10)+"\r\n\r\n", 5*time.Second)
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, "Connection: close\r\n") {
		t.Errorf("answered %q", got)
	}
}

func TestWhileItDrainsEachAnswerEndsItsConnection(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.DrainDelay = 3 * time.Second })
	conn := s.connect()
	if got := s.greet(conn); got != 200 {
		t.Fatalf("answered %d", got)
	}
	s.stop()
	s.eventually("draining", func() bool { return s.do("GET", "/health/ready", "", "").status == 503 })
	if _, err := conn.Write([]byte("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, conn); !strings.HasPrefix(got, "HTTP/1.1 200 ") ||
		!strings.Contains(got, "Connection: close\r\n") {
		t.Errorf("answered %q", got)
	}
}

// rawHalf sends bytes and says that no more come, and returns all that comes back until the server closes.
func (s *service) rawHalf(request string) string {
	s.t.Helper()
	conn := s.connect()
	_, _ = io.WriteString(conn, request) // the server may refuse it midway
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	return readAll(s.t, conn)
}

// readAll returns what comes until the other side closes.
func readAll(t *testing.T, conn net.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("the connection is not closed")
	}
	return string(body)
}
