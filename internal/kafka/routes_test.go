package kafka_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

var routed = kafka.Routes{"order.*": "orders", "order.audit.*": "audit", "order.created": "created", "*.x": "never"}

func TestTheTypeOfAnEventDecidesItsTopic(t *testing.T) {
	c := newBroker(t, kfake.SeedTopics(1, "orders", "audit", "created"))
	p := newPublisher(t, c, kafka.ProducerConfig{Routes: routed})
	want := map[string]string{
		"order.placed": "orders", "order.": "orders", "order": topic, "orders.x": topic, "order.created": "created",
		"order.created.twice": "orders", "order.audit.read": "audit", "other": topic,
	}
	events := numbered(len(want))
	i := 0
	for eventType := range want {
		events[i].Type = eventType
		i++
	}
	for i, r := range p.Publish(t.Context(), events) {
		if r.Err != nil || r.Topic != want[events[i].Type] {
			t.Errorf("%s is in %s, %v; want %s", events[i].Type, r.Topic, r.Err, want[events[i].Type])
		}
	}
}

func TestATopicThatIsMissingHoldsUpNoEventOfAnother(t *testing.T) {
	c := newBroker(t)
	p := newPublisher(t, c, kafka.ProducerConfig{Routes: kafka.Routes{"order.*": "orders"}})
	events := numbered(2)
	events[0].Type = "order.placed"
	receipts := p.Publish(t.Context(), events)
	if receipts[0].Err == nil || receipts[0].Topic != "orders" || receipts[1].Err != nil {
		t.Errorf("the events ended as %+v", receipts)
	}
	if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "orders") {
		t.Errorf("with a topic missing the check says %v", err)
	}
	var none []event.Event
	if got := p.Publish(t.Context(), none); len(got) != 0 {
		t.Errorf("nothing has receipts: %v", got)
	}
}
