package api

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what this package counts itself.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	problems *prometheus.CounterVec
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
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_problems_total", Help: "Requests answered with a problem, by client (empty: no valid key) and problem.",
		}, []string{"client", "problem"}),
	}
	registry.MustRegister(m.requests, m.problems)
	return m
}

func (m *metrics) refused(client, problem string) { m.problems.WithLabelValues(client, problem).Inc() }

// handler answers in the Prometheus text format.
func (m *metrics) handler() fiber.Handler {
	return adaptor.HTTPHandler(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
}
