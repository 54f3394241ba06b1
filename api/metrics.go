package api

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the metrics that this package counts itself.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	versions *prometheus.CounterVec
	uses     *prometheus.CounterVec
	problems *prometheus.CounterVec
	rejected *prometheus.CounterVec
}

func newMetrics(registry *prometheus.Registry) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	m := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_client_requests_total", Help: "Requests with a valid API key, by the client it belongs to.",
		}, []string{"client"}),
		versions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_version_requests_total",
			Help: "Requests to paths of a version, by client (empty: no valid key): who still uses it.",
		}, []string{"client", "version"}),
		uses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_key_requests_total",
			Help: "Requests with a valid API key, by its client and the beginning of its SHA-256, as eventctl keys list has it.",
		}, []string{"client", "key"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_problems_total", Help: "Requests answered with a problem, by client (empty: no valid key) and problem.",
		}, []string{"client", "problem"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "events_rejected_total",
			Help: "Events that were not stored, by the problem that their client was told; a request that was not read is one.",
		}, []string{"reason"}),
	}
	registry.MustRegister(m.requests, m.uses, m.versions, m.problems, m.rejected)
	for _, k := range []*kind{notSent, kafkaRefuses, eventTooLarge, outcomeUnknown} {
		m.rejected.WithLabelValues(k.Name) // exists from the start, so that its rate is right from the first failure on
	}
	return m
}

func (m *metrics) refused(client, problem string) { m.problems.WithLabelValues(client, problem).Inc() }

// handler answers with the metrics in the Prometheus text format.
func (m *metrics) handler() fiber.Handler {
	return adaptor.HTTPHandler(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
}
