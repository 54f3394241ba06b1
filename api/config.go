package api

import (
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"event-processing-service/internal/limit"
	"event-processing-service/schemas"
)

// Config is the API's. The zero value of each field but Version is a working default.
type Config struct {
	Version string // shown by the health checks
	// PublicURL is where clients find the service, without a slash at the end, such as https://api.example.com. "": what
	// each request was sent to.
	PublicURL string
	// Keys are the API keys. None: everybody may do everything.
	Keys Keys
	// Limiter holds Rate for each client. nil: no limit.
	Limiter Limiter
	Rate    limit.Rate
	// TrustedProxies are believed in what they forward.
	TrustedProxies Proxies
	// CORSOrigins may use the API from a browser: origins, or "*".
	CORSOrigins []string
	// Schemas of event types. nil: those of the repository.
	Schemas    *schemas.Set
	SchemaMode SchemaMode
	// Metrics are shown at /v1/metrics, and get this package's own. nil: these alone.
	Metrics *prometheus.Registry

	// MaxBodyBytes bounds a request's body. 0 is 4 MiB, as much as 1,000 events of 4 kB.
	MaxBodyBytes int
	// MaxBatch bounds the events of one batch. 0 is 1,000.
	MaxBatch int
	// MaxConnections bounds the connections that are open. 0 is 4,096. Health is told beyond it, too.
	MaxConnections int
	// MaxInFlight bounds the requests under way. 0 is 2,048.
	MaxInFlight int
	// MaxBufferedBytes bounds the bytes of all bodies held. 0 is 64 MiB.
	MaxBufferedBytes int
	// ReadTimeout is what a request may take to arrive, and an answer to leave. 0 is 10 s: plenty for 4 MiB.
	ReadTimeout time.Duration
	// DrainDelay is how long the server goes on to accept connections after it says that it is not ready, so that a
	// balancer that looks at readiness has moved on before the first connection would be refused.
	DrainDelay time.Duration
	// Around are handlers around all others but the request id: metrics, traces, the access log.
	Around []fiber.Handler
	// Rejected is told why an event was refused before it was to be published. nil: nobody is.
	Rejected func(reason string)
}

func (c Config) withDefaults() Config {
	orDefault(&c.MaxBodyBytes, 4<<20)
	orDefault(&c.MaxBatch, 1000)
	orDefault(&c.MaxConnections, defaultConnections)
	orDefault(&c.MaxInFlight, defaultInFlight)
	orDefault(&c.MaxBufferedBytes, defaultBufferedBytes)
	orDefault(&c.ReadTimeout, 10*time.Second)
	if c.Schemas == nil {
		set, err := schemas.Embedded()
		if err != nil {
			panic(fmt.Sprintf("the embedded schemas don't compile: %v", err)) // a test would have found it
		}
		c.Schemas = set
	}
	return c
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
