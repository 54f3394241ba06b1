package api_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
)

// dial opens a connection, encrypted where the service is.
func (s *service) dial() (net.Conn, error) {
	scheme, address, _ := strings.Cut(s.url, "://")
	if scheme == "https" {
		return tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	}
	return net.Dial("tcp", address)
}

// connect opens a connection that stays.
func (s *service) connect() net.Conn {
	s.t.Helper()
	conn, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// greet asks on a connection that stays, so that the server is known to have taken it in.
func (s *service) greet(conn net.Conn) (status int) {
	s.t.Helper()
	if _, err := io.WriteString(conn, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		s.t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatalf("read the answer: %v", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// once asks on a connection of its own.
func (s *service) once(head string) string {
	s.t.Helper()
	return s.raw(head+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 5*time.Second)
}

func TestBeyondTheBoundOnConnectionsTheAnswerIs503UntilOneIsClosed(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxConnections = 2 })
	first, second := s.connect(), s.connect()
	for _, conn := range []net.Conn{first, second} {
		if status := s.greet(conn); status != http.StatusOK {
			t.Fatalf("a connection within the bound is answered with %d", status)
		}
	}
	// Without Connection: close, so that it is the server who ends it.
	refused := s.raw("POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: "+
		"application/cloudevents+json\r\nContent-Length: 20000\r\n\r\n"+strings.Repeat(" ", 20000), 5*time.Second)
	for _, part := range []string{"HTTP/1.1 503 ", "Retry-After: 1\r\n", "Connection: close\r\n",
		"application/problem+json", "http://h/docs/problems/overloaded", "too many connections"} {
		if !strings.Contains(refused, part) {
			t.Errorf("the one beyond the bound finds no %q in %q", part, refused)
		}
	}
	if status := s.greet(second); status != http.StatusOK {
		t.Errorf("a connection within the bound is answered with %d while others are refused", status)
	}

	first.Close()
	s.eventually("open for the next after one was closed",
		func() bool { return strings.HasPrefix(s.once("GET /hello"), "HTTP/1.1 200 ") })
}

func TestHealthIsToldBeyondTheBoundOnConnections(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxConnections = 1 })
	s.greet(s.connect())
	for range 3 { // a spare connection is given back
		for _, path := range []string{"/healthcheck", "/health", "/health/live", "/health/ready", "/v1/health"} {
			answer := s.raw("GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n", 5*time.Second)
			if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.Contains(answer, "Connection: close\r\n") {
				t.Errorf("%s is answered with %q", path, answer)
			}
		}
	}
}

func TestProbesAreAnsweredWhileStrangersComeAndSayNothing(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxConnections = 1 })
	s.greet(s.connect())
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // 300 a second, more than there are spare connections
		defer close(stopped)
		for tick := time.NewTicker(time.Second / 300); ; <-tick.C {
			select {
			case <-stop:
				return
			default:
				conn, err := s.dial()
				if err == nil {
					defer conn.Close()
				}
			}
		}
	}()
	for range 20 {
		if got := s.once("GET /health/live"); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("a probe is answered with %q", got)
		}
		time.Sleep(50 * time.Millisecond)
	}
	close(stop)
	<-stopped
}

func TestASpareConnectionThatSaysNothingIsClosedSoon(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxConnections = 1 })
	s.greet(s.connect())
	began := time.Now()
	if got := readAll(t, s.connect()); strings.Contains(got, "200 OK") || time.Since(began) > 5*time.Second {
		t.Errorf("after %s it got %q", time.Since(began), got)
	}
}

// A client that does not read its refusal keeps its place until it is gone: otherwise strangers could have any number
// of connections.
func TestAConnectionThatLingersCountsUntilItIsClosed(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxConnections = 1 })
	dawdler := s.connect()
	// The body is over the limit and never ends, so the server answers and lingers.
	if _, err := io.WriteString(dawdler,
		"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"+
			"Content-Length: 900000000\r\n\r\n"+strings.Repeat(" ", 20000)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 12)
	if _, err := io.ReadFull(dawdler, answer); err != nil || string(answer[9:]) != "413" {
		t.Fatalf("answered with %q, %v", answer, err)
	}
	if got := s.once("GET /hello"); !strings.HasPrefix(got, "HTTP/1.1 503 ") {
		t.Errorf("while it lingers, the next one is answered with %q", got)
	}
	dawdler.Close()
	s.eventually("open for the next", func() bool { return strings.HasPrefix(s.once("GET /hello"), "HTTP/1.1 200 ") })
}
