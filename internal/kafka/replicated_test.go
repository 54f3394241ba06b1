package kafka

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/event"
)

// lagging is a broker on which one record is written and a replica is away: the reader's end is before the leader's,
// in so many answers.
func lagging(t *testing.T, answers int) (p *RecordTopic, asked func() int) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events.dlq"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	p = NewRecordTopic(Config{Brokers: cluster.ListenAddrs(), Auth: AuthNone}, ProducerConfig{}, "events.dlq")
	t.Cleanup(p.Close)
	if _, err := p.Publish(t.Context(), event.Record{Place: event.Place{Topic: "events.dlq"},
		Value: []byte("letter")}); err != nil {
		t.Fatal(err)
	}
	count := make(chan int, 1)
	count <- 0
	cluster.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		n := <-count
		count <- n + 1
		if n >= answers {
			return nil, nil, false
		}
		req := kreq.(*kmsg.OffsetForLeaderEpochRequest)
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		resp.Topics = []kmsg.OffsetForLeaderEpochResponseTopic{{Topic: "events.dlq",
			Partitions: []kmsg.OffsetForLeaderEpochResponseTopicPartition{{EndOffset: 2}}}}
		return resp, nil, true
	})
	return p, func() int { n := <-count; count <- n; return n }
}

func TestSinceWaitsForRecordsThatNotAllReplicasHave(t *testing.T) {
	p, asked := lagging(t, 3)
	n := 0
	for _, err := range p.Since(t.Context(), time.Now().Add(-time.Minute)) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 || asked() != 4 {
		t.Errorf("it yields %d records after asking the leader %d times, want 1 after 4", n, asked())
	}
}

func TestSinceFailsWhereReplicasStayAway(t *testing.T) {
	p, _ := lagging(t, 1_000_000)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	n := 0
	for _, err := range p.Since(ctx, time.Now().Add(-time.Minute)) {
		if n++; err == nil || !strings.Contains(err.Error(), "hide 1 records") {
			t.Errorf("it yields %v, want an error that says what is missing", err)
		}
	}
	if n != 1 {
		t.Errorf("it yields %d times", n)
	}
}
