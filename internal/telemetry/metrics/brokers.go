package metrics

import (
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// brokers is what the Kafka client tells of itself. The client's own Prometheus plugin names gauges _total, which
// promlint refuses, and has some dozens of series a broker.
type brokers struct {
	connects *prometheus.CounterVec
	throttle prometheus.Histogram
	records  prometheus.Histogram
}

// Hook is to be given to the Kafka client by kgo.WithHooks.
func (m *Metrics) Hook() kgo.Hook {
	b := &brokers{
		connects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kafka_broker_connections_opened_total", Help: "Attempts to connect to a broker, by outcome (opened, failed).",
		}, []string{"outcome"}),
		throttle: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kafka_broker_throttle_seconds", Help: "How long brokers told this client to wait, by their quotas.",
			Buckets: seconds,
		}),
		records: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "kafka_produce_batch_records",
			Help:    "Records of each batch that left for a partition: how much requests share.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000},
		}),
	}
	m.Registry.MustRegister(b.connects, b.throttle, b.records)
	return b
}

var (
	_ kgo.HookBrokerConnect       = (*brokers)(nil)
	_ kgo.HookBrokerThrottle      = (*brokers)(nil)
	_ kgo.HookProduceBatchWritten = (*brokers)(nil)
)

func (b *brokers) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	outcome := "opened"
	if err != nil {
		outcome = "failed"
	}
	b.connects.WithLabelValues(outcome).Inc()
}

func (b *brokers) OnBrokerThrottle(_ kgo.BrokerMetadata, interval time.Duration, _ bool) {
	b.throttle.Observe(interval.Seconds())
}

func (b *brokers) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.ProduceBatchMetrics) {
	b.records.Observe(float64(m.NumRecords))
}
