package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

const topic = "events"

// newBroker starts a fake broker that has the topic, with three partitions.
func newBroker(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(3, topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func config(c *kfake.Cluster) kafka.Config {
	return kafka.Config{Brokers: c.ListenAddrs(), Auth: kafka.AuthNone, ClientID: "test"}
}

// newPublisher makes a publisher to the topic and closes it with the test.
func newPublisher(t *testing.T, c *kfake.Cluster, pc kafka.ProducerConfig, extra ...kgo.Opt) *kafka.Publisher {
	t.Helper()
	p, err := kafka.NewPublisher(config(c), pc, topic, extra...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = p.Close(ctx)
	})
	return p
}

// numbered makes n good events with the ids 0, 1, …
func numbered(n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{
			ID: fmt.Sprint(i), Source: "/s", Type: "t", DataContentType: "application/json", Data: fmt.Appendf(nil, `{"n":%d}`,
				i),
		}
	}
	return events
}

// failures are the failures of receipts, "" for a stored event.
func failures(t *testing.T, receipts []event.Receipt) []event.Failure {
	t.Helper()
	all := make([]event.Failure, len(receipts))
	for i, r := range receipts {
		if r.Err == nil {
			continue
		}
		if !errors.As(r.Err, new(*event.PublishError)) {
			t.Fatalf("receipt %d: error is a %T: %v", i, r.Err, r.Err)
		}
		all[i] = event.FailureOf(r.Err)
	}
	return all
}

// retryable failures are those of which a client is told to send the event again.
func retryable(f event.Failure) bool {
	return f == event.FailureNotSent || f == event.FailureOutcomeUnknown
}

func wantFailures(t *testing.T, receipts []event.Receipt, want ...event.Failure) {
	t.Helper()
	if diff := cmp.Diff(want, failures(t, receipts)); diff != "" {
		for i, r := range receipts {
			t.Logf("receipt %d: %v", i, r.Err)
		}
		t.Errorf("failures are not as wanted (-want +got):\n%s", diff)
	}
}

// stored reads n records of a topic, from its start.
func stored(t *testing.T, c *kfake.Cluster, name string, n int) []*kgo.Record {
	t.Helper()
	if got := countStored(t, c, name); got != n {
		t.Fatalf("%d records are stored instead of %d", got, n)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(name),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d records read of %d: %v", len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

func countStored(t *testing.T, c *kfake.Cluster, name string) int {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	offsets, err := kadm.NewClient(client).ListEndOffsets(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	offsets.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return int(n)
}

// silent makes the broker take every request of a kind and never answer. The channel tells of the first.
func silent(c *kfake.Cluster, key kmsg.Key) <-chan struct{} {
	first := make(chan struct{}, 1)
	c.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		select {
		case first <- struct{}{}:
		default:
		}
		return nil, nil, true
	})
	return first
}

// await fails the test where nothing comes in time.
func await[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("waited in vain: %s", what)
		panic("unreachable")
	}
}

// within fails the test where f takes longer.
func within(t *testing.T, limit time.Duration, f func()) {
	t.Helper()
	start := time.Now()
	if f(); time.Since(start) > limit {
		t.Errorf("took %s, more than %s", time.Since(start).Round(time.Millisecond), limit)
	}
}
