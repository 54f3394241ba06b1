package kafka

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/internal/event"
)

// letterBroker is an embedded broker with both topics of the service.
func letterBroker(t *testing.T) Config {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events", "events.dlq"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return Config{Brokers: cluster.ListenAddrs(), Auth: AuthNone}
}

// The largest event that can be published must fit into the dead letter topic with all that is added to it.
func TestADeadLetterOfTheLargestEventIsStored(t *testing.T) {
	cfg := letterBroker(t)
	publisher, err := NewPublisher(cfg, ProducerConfig{}, "events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = publisher.Close(t.Context()) }() // nothing is left to flush
	var largest []byte
	for size := 1_000_012; size > 999_000 && largest == nil; size -= 64 {
		e := event.Event{ID: "1", Source: "/test", Type: "t", Subject: "s", Data: incompressible(size)}
		if publisher.Publish(t.Context(), []event.Event{e})[0].Err == nil {
			largest = e.Data
		}
	}
	if largest == nil {
		t.Fatal("no event of about 1 MB was taken")
	}
	letters := NewRecordTopic(cfg, ProducerConfig{}, "events.dlq")
	defer letters.Close()
	_, err = letters.Publish(t.Context(), event.Record{Place: event.Place{Topic: "events.dlq"}, Key: []byte("s"),
		Value: largest, Headers: []event.Header{
			{Key: "dlq-error", Value: bytes.Repeat([]byte("x"), 1024)}, {Key: "dlq-original-topic",
				Value: bytes.Repeat([]byte("t"), 249)},
			{Key: "the others", Value: bytes.Repeat([]byte("o"), 750)},
		}})
	if err != nil {
		t.Error(err)
	}
}

func TestPublishAllTellsOfEachRecordByItself(t *testing.T) {
	p := NewRecordTopic(letterBroker(t), ProducerConfig{Timeout: 2 * time.Second}, "events")
	defer p.Close()
	problems := p.PublishAll(t.Context(), []event.Record{
		{Place: event.Place{Topic: "events"}, Value: []byte("a")}, {Place: event.Place{Topic: "events"},
			Value: incompressible(2 << 20)}, {Place: event.Place{Topic: "events"}, Value: []byte("b")},
	})
	for i, want := range []event.Failure{"", event.FailureTooLarge, ""} {
		if got := event.FailureOf(problems[i]); got != want || (want == "") != (problems[i] == nil) {
			t.Errorf("record %d: %q, want %q: %v", i, got, want, problems[i])
		}
	}
}

func TestPublishTellsWhereTheRecordLies(t *testing.T) {
	p := NewRecordTopic(letterBroker(t), ProducerConfig{}, "events.dlq")
	defer p.Close()
	for offset := range int64(3) {
		got, err := p.Publish(t.Context(), event.Record{Place: event.Place{Topic: "events.dlq", Partition: 7, Offset: 99}})
		if want := (event.Place{Topic: "events.dlq", Offset: offset}); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
}

func TestSinceYieldsWhatIsThereFromThatTimeOn(t *testing.T) {
	p := NewRecordTopic(letterBroker(t), ProducerConfig{}, "events.dlq")
	defer p.Close()
	since := func(from time.Time) (values []string) {
		for r, err := range p.Since(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, string(r.Value))
		}
		return values
	}
	if got := since(time.Now().Add(-time.Hour)); got != nil {
		t.Errorf("an empty topic gives %v", got)
	}
	var between time.Time
	for _, v := range []string{"a", "b", "c"} {
		if v == "b" {
			time.Sleep(2 * time.Millisecond) // Kafka's times are in milliseconds
			between = time.Now()
		}
		if _, err := p.Publish(t.Context(), event.Record{Place: event.Place{Topic: "events.dlq"},
			Value: []byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := since(between); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("since before b: %v", got)
	}
	if got := since(time.Now().Add(time.Hour)); got != nil {
		t.Errorf("since an hour from now: %v", got)
	}
	for _, err := range NewRecordTopic(p.cfg, ProducerConfig{}, "missing").Since(t.Context(), between) {
		if err == nil {
			t.Error("a missing topic can be read")
		}
	}
}

func TestARecordTopicConnectsOnlyWhenItIsUsed(t *testing.T) {
	topic := NewRecordTopic(letterBroker(t), ProducerConfig{}, "events.dlq")
	if topic.client != nil || topic.singly.client != nil {
		t.Error("it has a client before the first record")
	}
	if _, err := topic.Publish(t.Context(), event.Record{}); err != nil || topic.client == nil ||
		topic.singly.client != nil {
		t.Errorf("%v; it has a client that it does not need, or none", err)
	}
	topic.Close()
	NewRecordTopic(Config{}, ProducerConfig{}, "events.dlq").Close() // one that was never used
}

func incompressible(n int) []byte {
	r, b := rand.NewChaCha8([32]byte{}), make([]byte, n)
	_, _ = r.Read(b) // never fails
	return b
}
