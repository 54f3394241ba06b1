package kafka

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/event"
)

// fixture is a Publisher on an embedded cluster of two brokers with the topic events.
type fixture struct {
	*kfake.Cluster
	t         *testing.T
	publisher *Publisher
}

const shortTimeout = 1500 * time.Millisecond // the client library takes no delivery timeout below a second

func newFixture(t *testing.T, change ...func(*ProducerConfig)) *fixture {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(1, "events", "events.dlq"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	pc := ProducerConfig{Timeout: shortTimeout}
	for _, f := range change {
		f(&pc)
	}
	p, err := NewPublisher(Config{Brokers: cluster.ListenAddrs(), Auth: AuthNone}, pc, "events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx) // a test may have left the cluster dead
	})
	return &fixture{cluster, t, p}
}

func someEvents(n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{ID: strconv.Itoa(i), Source: "/test", Type: "t", Subject: "s", Data: []byte("{}")}
	}
	return events
}

// answerProduce makes the brokers answer the next n produce requests with an error, -1: all of them.
func (f *fixture) answerProduce(n int, code int16) {
	answered := 0
	f.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.KeepControl()
		if answered++; n >= 0 && answered > n {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			answer := kmsg.ProduceResponseTopic{Topic: topic.Topic, TopicID: topic.TopicID}
			for _, p := range topic.Partitions {
				answer.Partitions = append(answer.Partitions, kmsg.ProduceResponseTopicPartition{
					Partition: p.Partition, ErrorCode: code, BaseOffset: -1, LogAppendTime: -1, LogStartOffset: -1,
				})
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return resp, nil, true
	})
}

// silence makes the brokers take requests to produce and not answer, until the test ends.
func (f *fixture) silence() {
	f.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		f.KeepControl()
		f.SleepControl(func() { <-f.t.Context().Done() })
		return nil, errors.New("the broker was silent"), true
	})
}

// failureOf publishes one event.
func (f *fixture) failureOf(ctx context.Context) (event.Failure, time.Duration) {
	f.t.Helper()
	start := time.Now()
	receipt := f.publisher.Publish(ctx, someEvents(1))[0]
	return failureIn(f.t, receipt.Err), time.Since(start)
}

func failureIn(t *testing.T, err error) event.Failure {
	t.Helper()
	if err == nil {
		return ""
	}
	var publish *event.PublishError
	if !errors.As(err, &publish) {
		t.Fatalf("%v is no PublishError", err)
	}
	return publish.Failure
}

// What a broker says, once or for ever, and what the client may make of it. A time-out is for what may pass.
func TestEachAnswerOfABrokerIsClassified(t *testing.T) {
	for name, c := range map[string]struct {
		answer  *kerr.Error
		times   int
		want    event.Failure // "": it is stored in the end
		waiting bool          // until the time-out
	}{
		"the leader has moved":                      {kerr.NotLeaderForPartition, 1, "", false},
		"too few replicas, for a moment":            {kerr.NotEnoughReplicas, 1, "", false},
		"too few replicas":                          {kerr.NotEnoughReplicas, -1, event.FailureOutcomeUnknown, true},
		"too few replicas after it was written":     {kerr.NotEnoughReplicasAfterAppend, -1, event.FailureOutcomeUnknown, true},
		"the broker's disk is full or broken":       {kerr.KafkaStorageError, -1, event.FailureOutcomeUnknown, true},
		"another broker's disk is tried":            {kerr.KafkaStorageError, 1, "", false},
		"the broker's own time-out":                 {kerr.RequestTimedOut, -1, event.FailureOutcomeUnknown, true},
		"no right to the topic":                     {kerr.TopicAuthorizationFailed, -1, event.FailureRejected, false},
		"no right to write at all":                  {kerr.ClusterAuthorizationFailed, -1, event.FailureRejected, false},
		"too large for the topic":                   {kerr.MessageTooLarge, -1, event.FailureTooLarge, false},
		"refused by the topic's rules":              {kerr.PolicyViolation, -1, event.FailureRejected, false},
		"a record that the broker can't make sense": {kerr.InvalidRecord, -1, event.FailureRejected, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.answerProduce(c.times, c.answer.Code)
			got, took := f.failureOf(t.Context())
			if got != c.want {
				t.Errorf("%s: got %q, want %q", c.answer.Message, got, c.want)
			}
			if waited := took >= shortTimeout-100*time.Millisecond; waited != c.waiting {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestABrokerThatNeverAnswersLeavesTheOutcomeUnknownInTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.silence()
	got, took := f.failureOf(t.Context())
	if got != event.FailureOutcomeUnknown || took > shortTimeout+500*time.Millisecond {
		t.Errorf("got %q after %s", got, took)
	}
}

func TestFullBuffersRefuseAtOnceWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(pc *ProducerConfig) { pc.MaxBufferedRecords = 3 })
	f.silence()
	receipts := f.publisher.Publish(t.Context(), someEvents(10))
	for i, r := range receipts {
		want := event.FailureOutcomeUnknown
		if i >= 3 {
			want = event.FailureNeverSent
		}
		if got := failureIn(t, r.Err); got != want {
			t.Errorf("event %d of 10 with room for 3: %q, want %q", i, got, want)
		}
	}
	if got, took := f.failureOf(t.Context()); got != event.FailureNeverSent || took > 100*time.Millisecond {
		t.Errorf("with full buffers, an event is %q after %s", got, took)
	}
}

func TestAMissingTopicIsRejectedAndNotCreated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p, err := NewPublisher(Config{Brokers: f.ListenAddrs(), Auth: AuthNone}, ProducerConfig{Timeout: 10 * time.Second}, "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(t.Context()) }() // nothing is left to flush
	receipt := p.Publish(t.Context(), someEvents(1))[0]
	if got := failureIn(t, receipt.Err); got != event.FailureRejected {
		t.Errorf("got %q: %v", got, receipt.Err)
	}
	if err := p.Check(t.Context()); err == nil {
		t.Error("the check finds the topic")
	}
}

func TestNoBrokerAtAllIsNotSaidToBeRejected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Close()
	if got, took := f.failureOf(t.Context()); got != event.FailureOutcomeUnknown || took > shortTimeout+500*time.Millisecond {
		t.Errorf("got %q after %s", got, took)
	}
}

func TestARequestThatEndedBeforehandSendsNothing(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, _ := f.failureOf(ctx); got != event.FailureNeverSent {
		t.Errorf("got %q", got)
	}
	if spans := f.bounds("events"); spans.Len() != 0 {
		t.Errorf("the topic has %d records", spans.Len())
	}
}

func TestAnEventAboveTheLimitIsTooLargeAndThoseBesideItAreStored(t *testing.T) {
	f := newFixture(t)
	events := someEvents(3)
	events[1].Data = incompressible(1_000_012)
	receipts := f.publisher.Publish(t.Context(), events)
	for i, want := range []event.Failure{"", event.FailureTooLarge, ""} {
		if got := failureIn(t, receipts[i].Err); got != want {
			t.Errorf("event %d: %q, want %q", i, got, want)
		}
	}
}

// The largest event that can be published must fit into the dead letter topic with all that is added to it.
func TestADeadLetterOfTheLargestEventIsStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var largest []byte
	for size := 1_000_012; size > 999_000; size -= 64 {
		events := someEvents(1)
		events[0].Data = incompressible(size)
		if f.publisher.Publish(t.Context(), events)[0].Err == nil {
			largest = events[0].Data
			break
		}
	}
	if largest == nil {
		t.Fatal("no event of about 1 MB was taken")
	}
	letters := NewRecordPublisher(Config{Brokers: f.ListenAddrs(), Auth: AuthNone}, ProducerConfig{Timeout: shortTimeout})
	defer letters.Close()
	err := letters.Publish(t.Context(), event.Record{Topic: "events.dlq", Key: []byte("s"), Value: largest, Headers: []event.Header{
		{Key: "dlq-error", Value: bytes.Repeat([]byte("x"), 1024)}, {Key: "dlq-original-topic", Value: bytes.Repeat([]byte("t"), 249)},
		{Key: "the others", Value: bytes.Repeat([]byte("o"), 750)},
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestPublishAllTellsOfEachRecordByItself(t *testing.T) {
	f := newFixture(t)
	p := NewRecordPublisher(Config{Brokers: f.ListenAddrs(), Auth: AuthNone}, ProducerConfig{Timeout: shortTimeout})
	defer p.Close()
	problems := p.PublishAll(t.Context(), []event.Record{
		{Topic: "events", Value: []byte("a")}, {Topic: "events", Value: incompressible(2 << 20)}, {Topic: "events", Value: []byte("b")},
	})
	for i, want := range []event.Failure{"", event.FailureTooLarge, ""} {
		if got := failureIn(t, problems[i]); got != want {
			t.Errorf("record %d: %q, want %q", i, got, want)
		}
	}
}

func (f *fixture) bounds(topic string) Spans {
	f.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(f.ListenAddrs()...))
	if err != nil {
		f.t.Fatal(err)
	}
	defer client.Close()
	spans, err := Bounds(f.t.Context(), client, topic, time.Time{}, time.Time{})
	if err != nil {
		f.t.Fatal(err)
	}
	return spans
}

func incompressible(n int) []byte {
	r, b := rand.NewChaCha8([32]byte{}), make([]byte, n)
	_, _ = r.Read(b) // never fails
	return b
}
