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

// Config is the API's. The zero value of each field but Version is a working default.
type Config struct {
	Version string // shown by the health checks, as are the next two
	Commit  string // of the sources. "": not known
	Image   string // digest of the container's image. "": not known
	// PublicURL is where clients find the service, without a slash at the end, such as https://api.example.com. "": what
	// each request was sent to.
	PublicURL string
	// TLS encrypts the connections. nil: they are plain HTTP.
	TLS *tls.Config
	// Clients are those that may use the API. nil: everybody may.
	Clients Clients
	// OpenCurrentTime lets everybody ask for the time, which publishes an event, also where there are keys.
	OpenCurrentTime bool
	// Rate is the limit of each client that has none of its own, and of each address. Zero: none.
	Rate limit.Rate
	// Limiter holds the limits. nil: this process holds them by itself.
	Limiter Limiter
	// LimitsCheck fails while the store that processes share their limits in is away. nil: there is none.
	LimitsCheck func(ctx context.Context) error
	// TrustedProxies are believed in what they forward.
	TrustedProxies Proxies
	// CORSOrigins may use the API from a browser: origins, or "*".
	CORSOrigins []string
	// Schemas of event types. nil: no type has one.
	Schemas    *schemas.Set
	SchemaMode SchemaMode
	// NeedsSubject tells of which types an event must have a subject. nil: of none.
	NeedsSubject func(eventType string) bool
	// Checks are of what handlers need that run in this process, as far as they are registered. nil: none do.
	Checks func() []Check
	// Processors are those beside the first, whose outcomes New is given.
	Processors []Processor
	// Topic is the one that the first processor reads. "": all read one topic.
	Topic string
	// Metrics are shown at /v1/metrics, and get this package's own. nil: these alone.
	Metrics *prometheus.Registry

	// MaxBodyBytes bounds a request's body. 0 is 4 MiB, as much as 1,000 events of 4 kB.
	MaxBodyBytes int
	// MaxConnections bounds the connections that are open. 0 is 4,096, or what 3/8 of the process's memory has room for.
	// Health is told beyond it, too.
	MaxConnections int
	// MaxInFlight bounds the requests under way. 0 is 2,048.
	MaxInFlight int
	// MaxBufferedBytes bounds the bytes of all bodies held. 0 is 64 MiB, or an eighth of the process's memory.
	MaxBufferedBytes int
	// ReadTimeout is what a request may take to arrive, and an answer to leave. 0 is 10 s: plenty for 4 MiB.
	ReadTimeout time.Duration
	// DrainDelay is how long the server goes on to accept connections after it says that it is not ready, so that a
	// balancer that looks at readiness has moved on before the first connection would be refused.
	DrainDelay time.Duration
	// Requests is told of each request and answer. nil: nobody is.
	Requests Requests
	// Traces makes a span of each request. nil: the trace that a request names is passed on.
	Traces trace.TracerProvider
	// AccessLogOneIn is of how many requests one is logged. 0: none is.
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
