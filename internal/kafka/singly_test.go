package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// limited is a broker with a topic of one partition whose max.message.bytes is small.
func limited(t *testing.T, maxMessageBytes int) *kfake.Cluster {
	t.Helper()
	c := newBroker(t)
	name, limit := "limited", fmt.Sprint(maxMessageBytes)
	configs := map[string]*string{"max.message.bytes": &limit}
	if _, err := kadm.NewClient(newClient(t, config(c))).CreateTopic(t.Context(), 1, 1, configs, name); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSmallEventsOfARequestAreNotRefusedForTheSizeThatTheyHaveTogether(t *testing.T) {
	c := limited(t, 10_000)
	p, err := kafka.NewPublisher(config(c), kafka.ProducerConfig{}, "limited")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(t.Context()) }()
	events := numbered(100)
	want := make([]event.Failure, len(events))
	for i := range events {
		events[i].Data = noise(i, 1000)
	}
	events[40].Data, want[40] = noise(40, 20_000), event.FailureTooLarge
	wantFailures(t, p.Publish(t.Context(), events), want...)
	events = slices.Delete(events, 40, 41)
	for i, r := range stored(t, c, "limited", len(events)) {
		if !bytes.Equal(r.Value, events[i].Data) {
			t.Fatalf("record %d is not event %d: the order has changed", i, i)
		}
	}
}

func TestARequestOfManyEventsForATopicOfSmallMessagesEndsInTime(t *testing.T) {
	p, err := kafka.NewPublisher(config(limited(t, 2000)), kafka.ProducerConfig{Timeout: time.Second}, "limited")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(t.Context()) }()
	events := numbered(50_000) // more than can be sent one by one
	within(t, time.Second+2*slack, func() {
		for i, f := range failures(t, p.Publish(t.Context(), events)) {
			if f != "" && f != event.FailureOutcomeUnknown && f != event.FailureNotSent {
				t.Fatalf("event %d is refused for ever: %s", i, f)
			}
		}
	})
}

func TestADeadLetterOfACompressibleRecordIsStoredWhateverItsSize(t *testing.T) {
	c := newBroker(t)
	p := kafka.NewRecordTopic(config(c), kafka.ProducerConfig{}, topic)
	defer p.Close()
	want := event.Record{Key: []byte("k"), Value: bytes.Repeat([]byte("compressible "), 2_000_000/13)}
	if _, err := p.Publish(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, c, topic, 1)[0]; !bytes.Equal(got.Value, want.Value) {
		t.Errorf("%d bytes came back of %d", len(got.Value), len(want.Value))
	}
}

func TestARecordIsRefusedForItsSizeOnlyByTheBroker(t *testing.T) {
	p := kafka.NewRecordTopic(config(limited(t, 1_048_588)), kafka.ProducerConfig{}, "limited")
	defer p.Close()
	for size, want := range map[int]event.Failure{1_048_300: "", 1_048_600: event.FailureTooLarge,
		3_000_000: event.FailureTooLarge} {
		_, err := p.Publish(context.Background(), event.Record{Value: noise(size, size)})
		if got := event.FailureOf(err); got != want {
			t.Errorf("%d bytes: %q, want %q: %v", size, got, want, err)
		}
	}
}

func TestRecordsThatAreTooLargeTogetherAreStored(t *testing.T) {
	p := kafka.NewRecordTopic(config(limited(t, 10_000)), kafka.ProducerConfig{}, "limited")
	defer p.Close()
	var records []event.Record
	for i := range 50 {
		records = append(records, event.Record{Value: noise(i, 1000)})
	}
	records[7].Value = noise(7, 20_000)
	for i, err := range p.PublishAll(t.Context(), records) {
		if got := event.FailureOf(err); (got != "") != (i == 7) {
			t.Errorf("record %d: %v", i, err)
		}
		var publish *event.PublishError
		if i == 7 && (!errors.As(err, &publish) || publish.Failure != event.FailureTooLarge) {
			t.Errorf("record 7: %v", err)
		}
	}
}

// noise is n bytes that no codec makes fewer.
func noise(seed, n int) []byte {
	r, b := rand.NewChaCha8([32]byte{byte(seed)}), make([]byte, n)
	_, _ = r.Read(b) // never fails
	return b
}
