// Package api is the HTTP front door: a request in, an acknowledged Kafka record out.
package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"golang.org/x/sync/semaphore"

	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

// Publisher stores events in Kafka. The result has one receipt an event, in order. Publish may keep the events and
// headers after it returns.
type Publisher interface {
	Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt
	// Check fails while Kafka accepts no event.
	Check(ctx context.Context) error
}

// Outcomes returns outcomes of events. The second result is false for an event that is not, or not yet, known.
type Outcomes interface {
	Outcome(ctx context.Context, id event.Identity) (event.Outcome, bool, error)
	// Check fails while no outcome can be read. It is a method of this interface, and not an optional one, so that no
	// decorator can hide it: a store without a check would always seem healthy.
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
	keys       atomic.Pointer[keyring] // nil: the API is open
	load       load
	ratePolicy []byte // the RateLimit-Policy header
	https      bool   // clients use HTTPS, by PUBLIC_URL
	basePath   string // in front of each path for clients, without a slash at the end
	draining   atomic.Bool
	overload   struct{ logged, more atomic.Int64 } // Unix seconds of the last line about it; answers without a line since

	schemas         *schemas.Set
	schemaDocuments map[string]*document
	routes          []route
}

// New makes the API around a publisher. outcomes may be nil.
func New(cfg Config, events Publisher, outcomes Outcomes, log *slog.Logger) *Server {
	return newServer(cfg, events, outcomes, log, deprecated)
}

func newServer(cfg Config, events Publisher, outcomes Outcomes, log *slog.Logger, table deprecations,
	more ...route) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, events: events, outcomes: outcomes, log: log,
		health: newHealth(cfg, events, outcomes, log), metrics: newMetrics(cfg.Metrics),
		schemas: cfg.Schemas, schemaDocuments: newSchemaDocuments(cfg.Schemas),
		https: strings.HasPrefix(cfg.PublicURL, "https:"), basePath: pathOf(cfg.PublicURL),
	}
	s.load.maxRequests, s.load.maxEvents = int64(cfg.MaxInFlight), defaultBatchEvents
	s.load.maxValidated = int64(within(memoryLimit(), 4, mostValidated))
	s.load.turns = make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	s.load.validated = semaphore.NewWeighted(s.load.maxValidated)
	s.load.maxBytes, s.load.maxAnswers = int64(cfg.MaxBufferedBytes), int64(cfg.MaxBufferedBytes)/2
	s.ratePolicy = policyOf(cfg.Rate)
	if cfg.Clients != nil {
		s.SetClients(cfg.Clients, "")
	}
	s.app = fiber.New(fiber.Config{
		AppName:               "event-processing-service",
		DisableStartupMessage: true, // stdout is for log lines
		ErrorHandler:          s.handleError,
		JSONEncoder:           encodeJSON,
		// A request is admitted or refused by its headers, before its body is in memory; readBody has the limit.
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true, // any content type is data
		BodyLimit:                    cfg.MaxBodyBytes,
		// A client that sends slowly holds memory, and so does one that does not read its answer.
		ReadTimeout:  cfg.ReadTimeout,
		WriteTimeout: cfg.ReadTimeout,
		IdleTimeout:  idleTime,
		// No connection keeps the memory of an answer, and a connection without a request has no buffer.
		ReduceMemoryUsage: true,
		// A client may send 64 headers of attributes; the default of 4 kB is less than the specification's events need.
		ReadBufferSize: 32 << 10,
	})
	s.app.Use(
		s.requestID,       // first: the answer and every line have it
		s.timed,           // around all that takes time
		s.traced(),        // within the metrics, so that a span shows nothing of their own
		s.logged(),        // within the span, as its line names the trace
		recover.New(),     // turns a panic into an error that those around it see
		s.secure,          // before anything can refuse: refusals have these headers, too
		crossOrigin(cfg),  // before anything can refuse: a page may read why it was refused
		s.admitConnection, // before admit: a connection beyond the bound takes none of its room
		s.admit,           // before a key's hash and the limiter's store cost anything
		s.identify,        // before the limit, which is a client's
		s.limitRate,       // before anything that costs
		preflight(cfg),    // behind the bounds: it is a request like others
		compress,          // next to the handlers, whose answers alone are worth it
	)
	s.register(table, more...)
	s.surround(s.app.Server())
	return s
}

// Serve answers requests on ln until ctx ends. Then it drains: it says that it is not ready, waits DrainDelay, closes
// the listener, and lets the requests that are under way finish, for at most patience. It returns nil when all had
// their answer.
func (s *Server) Serve(ctx context.Context, ln net.Listener, patience time.Duration) error {
	if s.cfg.TLS != nil {
		// Within the bounds: they count connections, and set the time for a handshake, too.
		ln = tls.NewListener(ln, s.cfg.TLS)
	}
	failed := make(chan error, 1)
	go func() {
		failed <- s.app.Listener(&boundedListener{
			Listener: ln, load: &s.load, most: int64(s.cfg.MaxConnections), idle: s.cfg.ReadTimeout,
		})
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.log.Info("draining", "delay_ms", s.cfg.DrainDelay.Milliseconds())
	time.Sleep(s.cfg.DrainDelay)
	err := s.app.ShutdownWithTimeout(patience)
	_ = ln.Close() // of a server that had yet to begin the shutdown knows nothing
	if err != nil {
		return fmt.Errorf("finish the requests under way: %w", err)
	}
	if err := <-failed; err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", ln.Addr(), err)
	}
	return nil
}
