package api

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
)

// live tells that the process lives. It asks nobody: a broker that is ill must not make ECS kill every task.
func (s *Server) live(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.JSON(fiber.Map{"status": "healthy"})
}

// ready tells whether requests should be sent here, and how the service is.
func (s *Server) ready(c *fiber.Ctx) error {
	answer := s.health.look(c.UserContext())
	if s.draining.Load() {
		answer.Status = "draining"
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if answer.Status != "healthy" {
		c.Status(fiber.StatusServiceUnavailable)
	}
	return c.JSON(answer)
}

type healthAnswer struct {
	Status       string                `json:"status"` // healthy, unhealthy, draining
	Timestamp    time.Time             `json:"timestamp"`
	Version      string                `json:"version"`
	Dependencies map[string]dependency `json:"dependencies"`
	Metrics      healthMetrics         `json:"metrics"`
}

type dependency struct {
	Status    string  `json:"status"` // healthy, unhealthy
	LatencyMS float64 `json:"latency_ms"`
}

type healthMetrics struct {
	UptimeSeconds   float64 `json:"uptime_seconds"`
	MemoryUsageMB   float64 `json:"memory_usage_mb"`
	CPUUsagePercent float64 `json:"cpu_usage_percent"` // of one core, since the look before
}

// health looks at the dependencies, at most once a cacheFor, however many ask.
type health struct {
	version string
	kafka   interface{ Check(context.Context) error }
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

func newHealth(version string, kafka interface{ Check(context.Context) error }) *health {
	return &health{version: version, kafka: kafka, started: time.Now(), at: time.Now(), cpu: cpuTime()}
}

func (h *health) look(ctx context.Context) healthAnswer {
	h.mu.Lock() // those who come while a check runs wait for its answer instead of asking, too
	defer h.mu.Unlock()
	if h.last.Status != "" && time.Since(h.at) < cacheFor {
		return h.last
	}
	kafka := check(ctx, h.kafka.Check)
	now, cpu := time.Now(), cpuTime()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h.last = healthAnswer{
		Status:       kafka.Status,
		Timestamp:    now.UTC(),
		Version:      h.version,
		Dependencies: map[string]dependency{"kafka": kafka},
		Metrics: healthMetrics{
			UptimeSeconds:   now.Sub(h.started).Seconds(),
			MemoryUsageMB:   float64(memory.Sys-memory.HeapReleased) / (1 << 20),
			CPUUsagePercent: 100 * float64(cpu-h.cpu) / float64(max(now.Sub(h.at), time.Millisecond)),
		},
	}
	h.at, h.cpu = now, cpu
	return h.last
}

func check(ctx context.Context, ask func(context.Context) error) dependency {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	start := time.Now()
	d := dependency{Status: "healthy"}
	if err := ask(ctx); err != nil {
		d.Status = "unhealthy"
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
