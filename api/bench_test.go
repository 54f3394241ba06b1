package api

import (
	"bufio"
	"context"
	"crypto/sha256"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp/fasthttputil"

	"event-processing-service/internal/event"
	"event-processing-service/internal/limit"
)

type instantly struct{}

func (instantly) Publish(_ context.Context, events []event.Event, _ ...event.Header) []event.Receipt {
	return make([]event.Receipt, len(events))
}

func (instantly) Check(context.Context) error { return nil }

const benchRequest = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key: 0123456789abcdef\r\nContent-Type: " +
	"application/cloudevents+json\r\nContent-Length: 116\r\n\r\n" +
	`{"specversion":"1.0","id":"e-000000001","source":"/orders","type":"order.created","subject":"o-7","data":{"n":1234}}`

// BenchmarkPost is a post of one event without Kafka: what this package itself costs, beside a handler that does
// nothing.
func BenchmarkPost(b *testing.B) {
	quiet := slog.New(slog.DiscardHandler)
	rate := limit.Rate{Units: 1_000_000, Per: time.Second}
	clients := Clients{"shop": {Keys: []Key{{Hash: sha256.Sum256([]byte("0123456789abcdef"))}}}}
	for _, name := range []string{"a", "b", "c", "d"} {
		clients[name] = Client{Keys: []Key{{Hash: sha256.Sum256([]byte("0123456789abcde" + name))},
			{Hash: sha256.Sum256([]byte("0123456789abcd" + name))}}}
	}
	bare := fiber.New(fiber.Config{DisableStartupMessage: true})
	bare.Post("/v1/events", func(c *fiber.Ctx) error {
		return c.Status(http.StatusAccepted).JSON(acceptedEvent{ID: string(c.Body()[:5])})
	})
	for name, app := range map[string]*fiber.App{
		"bare":      bare,
		"open":      New(Config{}, instantly{}, nil, quiet).app,
		"protected": New(Config{Clients: clients, Rate: rate}, instantly{}, nil, quiet).app,
	} {
		b.Run(name, func(b *testing.B) { post(b, app) })
	}
}

func post(b *testing.B, app *fiber.App) {
	ln := fasthttputil.NewInmemoryListener()
	go func() { _ = app.Listener(ln) }()
	defer func() { _ = app.Shutdown() }()
	conn, err := ln.Dial()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	roundTrip(b, conn, answers)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		roundTrip(b, conn, answers)
	}
}

func roundTrip(b *testing.B, conn net.Conn, answers *bufio.Reader) {
	if _, err := conn.Write([]byte(benchRequest)); err != nil {
		b.Fatal(err)
	}
	status, err := answers.ReadString('\n')
	if err != nil || !strings.Contains(status, "202") {
		b.Fatalf("%s %v", status, err)
	}
	length := 0
	for {
		line, err := answers.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		if n, found := strings.CutPrefix(line, "Content-Length: "); found {
			for _, digit := range strings.TrimSpace(n) {
				length = 10*length + int(digit-'0')
			}
		}
		if line == "\r\n" {
			break
		}
	}
	if _, err := answers.Discard(length); err != nil {
		b.Fatal(err)
	}
}
