package api

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"syscall"
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

// livePaths and readyPaths are never refused for load or rate: who asks them decides whether the process goes on.
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
	c.Set(fiber.HeaderCacheControl, "no-store")
	status := fiber.StatusOK
	if answer.Status != healthy && answer.Status != degraded {
		status = fiber.StatusServiceUnavailable
		c.Set(fiber.HeaderRetryAfter, retryAfterSeconds(0))
	}
	return send(c, status, "health", answer)
}

type healthAnswer struct {
	Status       string        `json:"status" xml:"status" enum:"healthy,degraded,unhealthy,draining" example:"healthy" doc:"degraded: what only some operations need is down, and those answer 503"`
	Timestamp    time.Time     `json:"timestamp" xml:"timestamp" doc:"When the dependencies were looked at"`
	Version      string        `json:"version" xml:"version" example:"1.4.0"`
	Dependencies dependencies  `json:"dependencies" xml:"dependencies"`
	Metrics      healthMetrics `json:"metrics" xml:"metrics"`
}

type dependencies struct {
	Kafka dependency  `json:"kafka" xml:"kafka"`
	Store *dependency `json:"store,omitempty" xml:"store,omitempty" doc:"Of outcomes; absent where the API reads none"`
}

type dependency struct {
	Status    string  `json:"status" xml:"status" enum:"healthy,unhealthy" example:"healthy"`
	LatencyMS float64 `json:"latency_ms" xml:"latency_ms" example:"1.8"`
}

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
	version string
	kafka   checker
	store   checker // nil: there is none
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

func newHealth(version string, kafka Publisher, outcomes Outcomes, log *slog.Logger) *health {
	return &health{version: version, kafka: kafka, store: outcomes, log: log, started: time.Now(), at: time.Now(), cpu: cpuTime()}
}

// asked tells whether a request is for health.
func (*health) asked(c *fiber.Ctx) bool { return IsHealthPath(c.Path()) }

// IsHealthPath tells whether health is told at path, for the handlers around this package's.
func IsHealthPath(path string) bool {
	return slices.Contains(livePaths, path) || slices.Contains(readyPaths, path)
}

func (h *health) look(ctx context.Context) healthAnswer {
	h.mu.Lock() // those who come while a check runs wait for its answer instead of asking, too
	defer h.mu.Unlock()
	if h.last.Status != "" && time.Since(h.at) < cacheFor {
		return h.last
	}
	found := h.check(ctx)
	status := found.Kafka.Status
	if status == healthy && found.Store != nil && found.Store.Status != healthy {
		status = degraded
	}
	now, cpu := time.Now(), cpuTime()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h.last = healthAnswer{
		Status:       status,
		Timestamp:    now.UTC(),
		Version:      h.version,
		Dependencies: found,
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
func (h *health) check(ctx context.Context) (found dependencies) {
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
	all.Wait()
	return found
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

// cpuTime is what the process has used so far, user and system.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
