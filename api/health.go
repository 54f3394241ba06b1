package api

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// The words of health answers.
const (
	healthy   = "healthy"
	degraded  = "degraded" // what only some routes need is down: they answer 503, the others go on
	unhealthy = "unhealthy"
	draining  = "draining"
)

// livePaths and readyPaths are never refused for load or rate: whoever asks decides whether the process goes on.
var (
	livePaths  = []string{"/healthcheck", "/health", "/health/live"}
	readyPaths = []string{"/health/ready", "/v1/health"}
)

type liveAnswer struct {
	Status string `json:"status" xml:"status" enum:"healthy" example:"healthy"`
}

// live tells that the process lives. It asks nobody: a broker that is ill must not make ECS kill every task.
func (s *Server) live(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return send(c, fiber.StatusOK, "health", liveAnswer{healthy})
}

// ready tells whether requests should be sent here, and how the service is.
func (s *Server) ready(c *fiber.Ctx) error {
	answer := s.health.look(c.UserContext())
	if s.draining.Load() {
		answer.Status = draining
	}
	if ring := s.keys.Load(); ring != nil {
		answer.KeysVersion = ring.version
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	status := fiber.StatusOK
	if answer.Status != healthy && answer.Status != degraded {
		status = fiber.StatusServiceUnavailable
		c.Set(fiber.HeaderRetryAfter, retryAfterSeconds(0))
	}
	return send(c, status, "health", answer)
}

type healthAnswer struct {
	Status       string              `json:"status" xml:"status" enum:"healthy,degraded,unhealthy,draining" example:"healthy" doc:"degraded: what only some operations need is down, and those answer 503"`
	Timestamp    time.Time           `json:"timestamp" xml:"timestamp" doc:"When the dependencies were looked at"`
	Version      string              `json:"version" xml:"version" example:"1.4.0"`
	Commit       string              `json:"commit,omitempty" xml:"commit,omitempty" doc:"The sources' revision, where the build knows it" example:"9fceb02d0ae598e95dc970b74767f19372d61af8"`
	Image        string              `json:"image,omitempty" xml:"image,omitempty" doc:"The digest of the container's image, where ECS tells it" example:"sha256:3e7a0b1d9ff3a1c4fbb5d6a2b6f5a3c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f"`
	KeysVersion  string              `json:"keys_version,omitempty" xml:"keys_version,omitempty" doc:"Of the keys that are in use, where they are read again while the service runs" example:"3f9a1c07b2de"`
	Dependencies dependencies        `json:"dependencies" xml:"dependencies"`
	Handlers     []handlerDependency `json:"handlers,omitempty" xml:"handlers>dependency,omitempty" nullable:"false" doc:"What the handlers need, where they run in the API's process, as in the local run"`
	Metrics      healthMetrics       `json:"metrics" xml:"metrics"`
}

type dependencies struct {
	Kafka dependency  `json:"kafka" xml:"kafka"`
	Store *dependency `json:"store,omitempty" xml:"store,omitempty" doc:"Of outcomes; absent where the API reads none"`
	// Database is Store, by the name that monitors look for.
	Database *dependency `json:"database,omitempty" xml:"database,omitempty" doc:"The same as store"`
	// Limits does not make the service degraded: without it every operation works, with a limit for each process.
	Limits *dependency `json:"limits,omitempty" xml:"limits,omitempty" doc:"Of the rate limits that processes share; while it is unhealthy each process limits by itself, and every operation works"`
}

type dependency struct {
	Status    string  `json:"status" xml:"status" enum:"healthy,unhealthy" example:"healthy"`
	LatencyMS float64 `json:"latency_ms" xml:"latency_ms" example:"1.8"`
}

// handlerDependency is named by the handler's own code.
type handlerDependency struct {
	Name      string  `json:"name" xml:"name" example:"payments"`
	Status    string  `json:"status" xml:"status" enum:"healthy,unhealthy" example:"healthy"`
	LatencyMS float64 `json:"latency_ms" xml:"latency_ms" example:"1.8"`
}

// Check is something that handlers need: its function fails when it could not be used now.
type Check struct {
	Name  string
	Check func(ctx context.Context) error
}

type checkFunc func(ctx context.Context) error

func (f checkFunc) Check(ctx context.Context) error { return f(ctx) }

type healthMetrics struct {
	UptimeSeconds   float64 `json:"uptime_seconds" xml:"uptime_seconds" example:"86400.5"`
	MemoryUsageMB   float64 `json:"memory_usage_mb" xml:"memory_usage_mb" example:"48.2"`
	CPUUsagePercent float64 `json:"cpu_usage_percent" xml:"cpu_usage_percent" doc:"Of one core, since the look before" example:"12.5"`
}

// checker is a dependency that can be asked how it is: it fails when it could not be used now.
type checker interface {
	Check(ctx context.Context) error
}

// health looks at the dependencies, at most once a cacheFor, however many ask.
type health struct {
	build   healthAnswer // what does not change
	kafka   checker
	store   checker                     // nil: there is none
	limits  func(context.Context) error // nil: there is none
	others  func() []Check
	log     *slog.Logger
	started time.Time

	mu   sync.Mutex
	last healthAnswer
	at   time.Time     // of last
	cpu  time.Duration // the process's CPU time then
}

const (
	// cacheFor keeps a fleet of probes from becoming a load on the brokers.
	cacheFor = time.Second
	// checkTimeout is less than the 2 s that load balancers and orchestrators give a probe at the least.
	checkTimeout = 1500 * time.Millisecond
)

func newHealth(cfg Config, kafka Publisher, outcomes Outcomes, log *slog.Logger) *health {
	return &health{build: healthAnswer{Version: cfg.Version, Commit: cfg.Commit, Image: cfg.Image}, kafka: kafka,
		store: outcomes, limits: cfg.LimitsCheck, others: cfg.Checks, log: log, started: time.Now(), at: time.Now(),
		cpu: cpuTime()}
}

// isHealth tells whether a request asks for health.
func isHealth(c *fiber.Ctx) bool {
	return slices.Contains(livePaths, c.Path()) || slices.Contains(readyPaths, c.Path())
}

func (h *health) look(ctx context.Context) healthAnswer {
	h.mu.Lock() // requests that come while a check runs wait for its answer instead of asking, too
	defer h.mu.Unlock()
	if h.last.Status != "" && time.Since(h.at) < cacheFor {
		return h.last
	}
	found, others := h.check(ctx)
	status := found.Kafka.Status
	isIll := func(d handlerDependency) bool { return d.Status != healthy }
	if status == healthy && (found.Store != nil && found.Store.Status != healthy || slices.ContainsFunc(others, isIll)) {
		status = degraded
	}
	now, cpu := time.Now(), cpuTime()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h.last = healthAnswer{
		Status:       status,
		Timestamp:    now.UTC(),
		Version:      h.build.Version,
		Commit:       h.build.Commit,
		Image:        h.build.Image,
		Dependencies: found,
		Handlers:     others,
		Metrics: healthMetrics{
			UptimeSeconds:   now.Sub(h.started).Seconds(),
			MemoryUsageMB:   float64(memory.Sys-memory.HeapReleased) / (1 << 20),
			CPUUsagePercent: 100 * float64(cpu-h.cpu) / float64(max(now.Sub(h.at), time.Millisecond)),
		},
	}
	h.at, h.cpu = now, cpu
	return h.last
}

// check asks all dependencies side by side: together they take as long as the slowest.
func (h *health) check(ctx context.Context) (found dependencies, others []handlerDependency) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var all sync.WaitGroup
	before := h.last.Dependencies
	all.Go(func() { found.Kafka = h.ask(ctx, "kafka", h.kafka, before.Kafka) })
	if h.store != nil {
		found.Store = new(dependency)
		if before.Store == nil {
			before.Store = new(dependency)
		}
		all.Go(func() { *found.Store = h.ask(ctx, "store", h.store, *before.Store) })
	}
	if h.limits != nil {
		found.Limits = new(dependency)
		if before.Limits == nil {
			before.Limits = new(dependency)
		}
		all.Go(func() { *found.Limits = h.ask(ctx, "limits", checkFunc(h.limits), *before.Limits) })
	}
	if h.others != nil {
		checks := h.others()
		others = make([]handlerDependency, len(checks))
		for i, c := range checks {
			was := dependency{}
			if i < len(h.last.Handlers) {
				was.Status = h.last.Handlers[i].Status
			}
			all.Go(func() {
				d := h.ask(ctx, c.Name, checkFunc(c.Check), was)
				others[i] = handlerDependency{c.Name, d.Status, d.LatencyMS}
			})
		}
	}
	all.Wait()
	found.Database = found.Store
	return found, others
}

// ask logs a change only: probes come every few seconds. The answer tells that a dependency is ill, the log tells why.
func (h *health) ask(ctx context.Context, name string, asked checker, before dependency) dependency {
	start := time.Now()
	d := dependency{Status: healthy}
	if err := asked.Check(ctx); err != nil {
		d.Status = unhealthy
		if before.Status != unhealthy {
			h.log.WarnContext(ctx, "dependency is unhealthy", "dependency", name, "error", err)
		}
	} else if before.Status == unhealthy {
		h.log.InfoContext(ctx, "dependency is healthy again", "dependency", name)
	}
	d.LatencyMS = float64(time.Since(start).Microseconds()) / 1000
	return d
}
