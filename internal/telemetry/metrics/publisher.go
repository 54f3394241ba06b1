package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"event-processing-service/internal/event"
	"event-processing-service/internal/telemetry"
)

type publisher struct {
	telemetry.Publisher
	m *Metrics
	// of publish, for no failure: looked up by its labels, it would cost more than the rest of this
	good prometheus.Observer
}

// Publisher counts what p stores, and times it.
func (m *Metrics) Publisher(p telemetry.Publisher) telemetry.Publisher {
	good := m.publish.WithLabelValues("send", "") // there from the start, so that a rate of it has a beginning
	return &publisher{p, m, good}
}

func (p *publisher) Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	begin := time.Now()
	receipts := p.Publisher.Publish(ctx, events, transport...)
	stored, failure := 0, ""
	for i := range receipts {
		if receipts[i].Err == nil {
			stored++
			continue
		}
		failure = string(event.FailureOf(receipts[i].Err))
	}
	p.m.accepted.Add(float64(stored))
	took := time.Since(begin).Seconds()
	switch {
	case failure != "":
		p.m.publish.WithLabelValues("send", failure).Observe(took)
	case len(events) > 0:
		p.good.Observe(took)
	}
	return receipts
}
