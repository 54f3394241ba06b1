// Package api is the HTTP front door: a request in, an acknowledged Kafka record out.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"event-processing-service/internal/event"
)

// Publisher stores events in Kafka. The result has one receipt an event, in order; Publish keeps the events and headers.
type Publisher interface {
	Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt
	// Check fails when Kafka would take no event now.
	Check(ctx context.Context) error
}

// Outcomes knows what became of events. The second result is false for an event that is not, or not yet, known.
type Outcomes interface {
	Outcome(ctx context.Context, id event.Identity) (event.Outcome, bool, error)
}

// Config is the API's. The zero value of each field but Version is a working default.
type Config struct {
	Version string // shown by the health checks
	// MaxBodyBytes bounds a request's body. 0 is 4 MiB, as much as 1,000 events of 4 kB.
	MaxBodyBytes int
	// MaxBatch bounds the events of one batch. 0 is 1,000.
	MaxBatch int
	// DrainDelay is how long the server goes on to accept connections after it says that it is not ready, so that a
	// balancer that looks at readiness has moved on before the first connection would be refused.
	DrainDelay time.Duration
	// Around are handlers around all others but the request id: metrics, traces, the access log.
	Around []fiber.Handler
	// Rejected is told why an event was refused before it was to be published. nil: nobody is.
	Rejected func(reason string)
}

// DefaultSource is the source of the events that the API makes itself or completes.
const DefaultSource = "/event-processing-service/api"

// Server is the API. Make one with New.
type Server struct {
	cfg      Config
	app      *fiber.App
	events   Publisher
	outcomes Outcomes // nil: this deployment has no store that the API can read
	log      *slog.Logger
	health   *health
	draining atomic.Bool
}

// New makes the API around a publisher. outcomes may be nil.
func New(cfg Config, events Publisher, outcomes Outcomes, log *slog.Logger) *Server {
	if cfg.MaxBodyBytes == 0 {
		cfg.MaxBodyBytes = 4 << 20
	}
	if cfg.MaxBatch == 0 {
		cfg.MaxBatch = 1000
	}
	s := &Server{cfg: cfg, events: events, outcomes: outcomes, log: log}
	s.health = newHealth(cfg.Version, events)
	s.app = fiber.New(fiber.Config{
		AppName:               "event-processing-service",
		DisableStartupMessage: true, // stdout is for log lines
		BodyLimit:             cfg.MaxBodyBytes,
		ErrorHandler:          s.handleError,
		// A connection that trickles holds memory: 10 s for a request are plenty for 4 MiB, and a keep-alive
		// connection may idle for longer than the load balancer's own 60 s, so that the balancer closes first.
		ReadTimeout: 10 * time.Second,
		IdleTimeout: 75 * time.Second,
		// A client may send 64 headers of attributes; the default of 4 kB is less than the specification's events need.
		ReadBufferSize: 32 << 10,
	})
	s.app.Use(s.requestID)
	for _, h := range cfg.Around {
		s.app.Use(h)
	}
	s.app.Use(recover.New())
	s.routes()
	return s
}

func (s *Server) routes() {
	for _, prefix := range []string{"", "/v1"} {
		s.app.Get(prefix+"/hello", s.hello)
		s.app.Get(prefix+"/current_time", s.currentTime)
	}
	s.app.Post("/v1/events", s.countingRejections(s.postEvents))
	s.app.Get("/v1/events/+", s.getOutcome)
	for _, path := range []string{"/healthcheck", "/health", "/health/live"} {
		s.app.Get(path, s.live)
	}
	for _, path := range []string{"/health/ready", "/v1/health"} {
		s.app.Get(path, s.ready)
	}
}

// Serve answers requests on ln until ctx ends. Then it drains: it says that it is not ready, waits DrainDelay, closes the
// listener, and lets the requests that are under way finish, for at most patience. It returns nil when all had their
// answer.
func (s *Server) Serve(ctx context.Context, ln net.Listener, patience time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- s.app.Listener(lingeringListener{ln}) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.log.Info("draining", "delay", s.cfg.DrainDelay.String())
	time.Sleep(s.cfg.DrainDelay)
	if err := s.app.ShutdownWithTimeout(patience); err != nil {
		return fmt.Errorf("finish the requests under way: %w", err)
	}
	if err := <-failed; err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", ln.Addr(), err)
	}
	return nil
}
