// Package metrics counts and times what the API does, in the Prometheus text format. Names follow the semantic
// conventions of OpenTelemetry 1.40 as Prometheus writes them: base units, counters end in _total, no ids or paths as
// labels.
package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the API's. Make them with New.
type Metrics struct {
	Registry *prometheus.Registry

	requests *prometheus.HistogramVec
	active   prometheus.Gauge
	accepted prometheus.Counter
	publish  *prometheus.HistogramVec
}

// seconds go from half a millisecond, about what one event takes with an idle broker, to the longest PUBLISH_TIMEOUT
// that makes sense behind a load balancer.
var seconds = []float64{.0005, .001, .0025, .005, .0075, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 10}

// New makes the metrics in a registry of their own, with those of the process and the Go runtime.
func New(version string) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds", Buckets: seconds,
			Help: "Requests by method, route template and status, from their head's arrival to their answer.",
		}, []string{"http_request_method", "http_route", "http_response_status_code"}),
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_server_active_requests", Help: "Requests under way.",
		}),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "events_accepted_total", Help: "Events that every in-sync replica has.",
		}),
		publish: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "messaging_client_operation_duration_seconds", Buckets: seconds,
			Help: "Waits for Kafka's acknowledgement, one for each request; error_type is empty where all its events were " +
				"stored.",
		}, []string{"messaging_operation_name", "error_type"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "event_processing_service_build_info", Help: "1, with the version that runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.Registry.MustRegister(m.requests, m.active, m.accepted, m.publish, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Buffer is what tells how much waits for Kafka in this process.
type Buffer interface {
	Buffered() (records, bytes int64)
}

// Watch registers what is asked of b at each scrape.
func (m *Metrics) Watch(b Buffer) {
	m.Registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kafka_producer_buffered_records", Help: "Records that wait for Kafka's acknowledgement.",
		}, func() float64 { records, _ := b.Buffered(); return float64(records) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kafka_producer_buffered_bytes", Help: "Bytes of the records that wait for Kafka's acknowledgement.",
		}, func() float64 { _, bytes := b.Buffered(); return float64(bytes) }),
	)
}

// Limits tells how often a process decided on rate limits by itself, while the store that they share was away.
type Limits interface {
	Alone() uint64
}

// WatchLimits registers what is asked of l at each scrape.
func (m *Metrics) WatchLimits(l Limits) {
	m.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "rate_limit_fallbacks_total",
		Help: "Decisions on rate limits by this process alone, as the store that processes share them in did not answer.",
	}, func() float64 { return float64(l.Alone()) }))
}
