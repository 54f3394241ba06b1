package api

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/internal/limit"
	"event-processing-service/schemas"
)

// Config is the configuration of the API. The zero value of each field except Version is a working default.
type Config struct {
	Version string // shown by the health checks, as are the next two
	Commit  string // of the sources. "": not known
	Image   string // digest of the container's image. "": not known
	// PublicURL is where clients find the service, without a slash at the end, such as https://api.example.com. "": what
	// each request was sent to.
	PublicURL string
	// TLS encrypts the connections. nil: they are plain HTTP.
	TLS *tls.Config
	// Clients may use the API. nil: everybody may.
	Clients Clients
	// OpenCurrentTime lets everybody ask for the time, also where there are keys. That publishes an event.
	OpenCurrentTime bool
	// Rate is the limit of each client without a limit of its own, and of each address. Zero: no limit.
	Rate limit.Rate
	// Limiter holds the limits. nil: this process holds them by itself.
	Limiter Limiter
	// LimitsCheck fails while the store of shared limits is away. nil: there is no such store.
	LimitsCheck func(ctx context.Context) error
	// TrustedProxies are the proxies whose X-Forwarded-* headers are believed.
	TrustedProxies Proxies
	// CORSOrigins may use the API from a browser: origins, or "*".
	CORSOrigins []string
	// Schemas of event types. nil: no type has one.
	Schemas    *schemas.Set
	SchemaMode SchemaMode
	// NeedsSubject reports whether events of a type must have a subject. nil: none must.
	NeedsSubject func(eventType string) bool
	// Checks are the checks that handlers in this process have registered. nil: no handlers run in this process.
	Checks func() []Check
	// Processors are the processors beside the first, whose outcomes are an argument of New.
	Processors []Processor
	// Topic is the topic of the first processor. "": all processors read one topic.
	Topic string
	// Metrics is the registry that /v1/metrics shows. This package adds its own metrics. nil: there are no others.
	Metrics *prometheus.Registry

	// MaxBodyBytes bounds a request's body. 0 is 4 MiB, as much as 1,000 events of 4 kB.
	MaxBodyBytes int
	// MaxConnections bounds the open connections. 0 is 4,096, or as many as 3/8 of the process's memory has room for.
	// Health checks are answered beyond it, too.
	MaxConnections int
	// MaxInFlight bounds the requests under way. 0 is 2,048.
	MaxInFlight int
	// MaxBufferedBytes bounds the bytes of all bodies in memory. 0 is 64 MiB, or an eighth of the process's memory.
	MaxBufferedBytes int
	// ReadTimeout is what a request may take to arrive, and an answer to leave. 0 is 10 s: plenty for 4 MiB.
	ReadTimeout time.Duration
	// DrainDelay is how long the server still accepts connections after it says that it is not ready, so that a load
	// balancer that checks readiness sends requests elsewhere before a connection would be refused.
	DrainDelay time.Duration
	// Requests hears of each request and answer. nil: nobody does.
	Requests Requests
	// Traces makes a span of each request. nil: the trace that a request names is passed on.
	Traces trace.TracerProvider
	// AccessLogOneIn: one request in this many is logged. 0: none.
	AccessLogOneIn int
}

func (c Config) withDefaults() Config {
	orDefault(&c.MaxBodyBytes, 4<<20)
	memory := memoryLimit()
	connection := int64(connectionMemory)
	if c.TLS != nil {
		connection += tlsMemory
	}
	orDefault(&c.MaxConnections, within(memory, connection*8/3, defaultConnections))
	orDefault(&c.MaxInFlight, defaultInFlight)
	orDefault(&c.MaxBufferedBytes, within(memory, 8, defaultBufferedBytes))
	orDefault(&c.ReadTimeout, 10*time.Second)
	if c.Limiter == nil {
		c.Limiter = limit.NewMemory()
	}
	if c.Schemas == nil {
		c.Schemas = &schemas.Set{}
	}
	return c
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
