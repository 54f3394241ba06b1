// Package api is the HTTP front door: a request in, an acknowledged Kafka record out.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"event-processing-service/internal/event"
	"event-processing-service/schemas"
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
	// Check fails when no outcome could be read now. It is asked for here, and not looked for in what is given, so that no
	// decorator can hide it: a store that nobody asks would always be healthy.
	Check(ctx context.Context) error
}

// DefaultSource is the source of the events that the API makes itself or completes.
const DefaultSource = "/event-processing-service/api"

// Server is the API. Make one with New.
type Server struct {
	cfg        Config
	app        *fiber.App
	events     Publisher
	outcomes   Outcomes // nil: this deployment has no store that the API can read
	log        *slog.Logger
	health     *health
	metrics    *metrics
	keys       keyring
	load       load
	ratePolicy string // the RateLimit-Policy header
	https      bool   // clients are known to use it
	basePath   string // what clients have in front of each path, without a slash at the end
	draining   atomic.Bool

	schemas         *schemas.Set
	schemaDocuments map[string]*document
	routes          []route
}

// New makes the API around a publisher. outcomes may be nil.
func New(cfg Config, events Publisher, outcomes Outcomes, log *slog.Logger) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, events: events, outcomes: outcomes, log: log,
		health: newHealth(cfg.Version, events, outcomes, log), metrics: newMetrics(cfg.Metrics),
		schemas: cfg.Schemas, schemaDocuments: newSchemaDocuments(cfg.Schemas),
		https: strings.HasPrefix(cfg.PublicURL, "https:"), basePath: pathOf(cfg.PublicURL),
	}
	s.load.maxRequests, s.load.maxBytes, s.load.maxEvents = int64(cfg.MaxInFlight), int64(cfg.MaxBufferedBytes), defaultBatchEvents
	s.keys = newKeyring(cfg.Keys, s.metrics)
	if cfg.Limiter != nil {
		s.ratePolicy = policyOf(cfg.Rate)
	}
	s.app = fiber.New(fiber.Config{
		AppName:               "event-processing-service",
		DisableStartupMessage: true, // stdout is for log lines
		ErrorHandler:          s.handleError,
		// A request is let in or refused by its headers, before its body is in memory; readBody holds the limit.
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true, // any content type is data
		BodyLimit:                    cfg.MaxBodyBytes,
		// A connection that trickles holds memory, and one that does not read its answer does, too. Idle ones may wait for
		// longer than the load balancer's own 60 s, so that the balancer closes first.
		ReadTimeout:  cfg.ReadTimeout,
		WriteTimeout: cfg.ReadTimeout,
		IdleTimeout:  75 * time.Second,
		// A client may send 64 headers of attributes; the default of 4 kB is less than the specification's events need.
		ReadBufferSize: 32 << 10,
	})
	s.app.Use(s.requestID)
	for _, h := range cfg.Around {
		s.app.Use(h)
	}
	s.app.Use(closeUnread, recover.New(), s.secure)
	if len(cfg.CORSOrigins) > 0 {
		s.app.Use(crossOrigin(cfg.CORSOrigins))
	}
	s.app.Use(s.admitConnection, s.admit, s.identify, s.limitRate, compress)
	s.register()
	return s
}

// Serve answers requests on ln until ctx ends. Then it drains: it says that it is not ready, waits DrainDelay, closes the
// listener, and lets the requests that are under way finish, for at most patience. It returns nil when all had their
// answer.
func (s *Server) Serve(ctx context.Context, ln net.Listener, patience time.Duration) error {
	failed := make(chan error, 1)
	go func() {
		failed <- s.app.Listener(&boundedListener{Listener: lingeringListener{ln}, most: int64(s.cfg.MaxConnections)})
	}()
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
