package kafka_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// slack is what an answer may come later than the time-out on a busy machine. What ends late for another reason takes
// longer by far.
const slack = 5 * time.Second

// refuse makes the broker answer produce requests with err, so many times; -1 is for ever.
func refuse(c *kfake.Cluster, err *kerr.Error, count int) {
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: err, Count: count})
}

func TestWhatKafkaRefusesForGoodIsRejectedAtOnce(t *testing.T) {
	for name, err := range map[string]*kerr.Error{
		"a missing right on the topic":   kerr.TopicAuthorizationFailed,
		"a missing right on the cluster": kerr.ClusterAuthorizationFailed,
		"a record that it finds invalid": kerr.InvalidRecord,
		"a clock that is wrong":          kerr.InvalidTimestamp,
		"a policy":                       kerr.PolicyViolation,
	} {
		t.Run(name, func(t *testing.T) {
			c := newBroker(t)
			refuse(c, err, -1)
			p := newPublisher(t, c, kafka.ProducerConfig{})
			within(t, 2*time.Second, func() {
				receipts := p.Publish(context.Background(), numbered(1))
				if wantFailures(t, receipts, event.FailureKafkaRefuses); !strings.Contains(receipts[0].Err.Error(), err.Message) {
					t.Errorf("does not say why: %v", receipts[0].Err)
				}
			})
		})
	}
}

func TestAnEventAboveTheTopicsLimitIsTooLarge(t *testing.T) {
	c := newBroker(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "1000"}))
	events := numbered(1)
	events[0].Data = []byte(strings.Repeat("0123456789abcdef", 500))
	for i := range events[0].Data { // nothing that would shrink below the limit by compression
		events[0].Data[i] ^= byte(i * i >> 3)
	}
	wantFailures(t, newPublisher(t, c, kafka.ProducerConfig{}).Publish(context.Background(), events),
		event.FailureTooLarge)
}

func TestAMissingTopicIsRejectedInBoundedTime(t *testing.T) {
	t.Parallel()
	c := newBroker(t)
	p, err := kafka.NewPublisher(config(c), kafka.ProducerConfig{}, "missing")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(context.Background()) }()
	within(t, 5*time.Second, func() {
		wantFailures(t, p.Publish(context.Background(), numbered(2)), event.FailureKafkaRefuses, event.FailureKafkaRefuses)
	})
}

func TestFaultsThatPassAreInvisible(t *testing.T) {
	for name, err := range map[string]*kerr.Error{
		"a leader that has moved":                     kerr.NotLeaderForPartition,
		"a leader that is not elected yet":            kerr.LeaderNotAvailable,
		"a leader that is of an older epoch":          kerr.FencedLeaderEpoch,
		"a disk that fails":                           kerr.KafkaStorageError,
		"a partition that the broker has yet to open": kerr.UnknownTopicOrPartition,
		"too few replicas":                            kerr.NotEnoughReplicas,
		"a store that took its time, and has it":      kerr.RequestTimedOut,
		"too few replicas afterwards, and it is kept": kerr.NotEnoughReplicasAfterAppend,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newBroker(t)
			refuse(c, err, 2)
			wantFailures(t, newPublisher(t, c, kafka.ProducerConfig{}).Publish(context.Background(), numbered(3)), "", "", "")
			stored(t, c, topic, 3) // and no copies
		})
	}
	t.Run("a connection that breaks", func(t *testing.T) {
		c := newBroker(t)
		c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			return nil, context.Canceled, true // any error closes the connection
		})
		wantFailures(t, newPublisher(t, c, kafka.ProducerConfig{}).Publish(context.Background(), numbered(3)), "", "", "")
		stored(t, c, topic, 3)
	})
}

func TestABrokerThatNeverAnswersLeavesTheOutcomeUnknown(t *testing.T) {
	t.Parallel()
	const timeout = 1500 * time.Millisecond
	c := newBroker(t)
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: timeout})
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "")
	silent(c, kmsg.Produce)
	within(t, timeout+slack, func() {
		wantFailures(t, p.Publish(context.Background(), numbered(2)), event.FailureOutcomeUnknown,
			event.FailureOutcomeUnknown)
	})
}

func TestABrokerThatSaysNothingAtAllWasNeverSentAnything(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	c := newBroker(t)
	silent(c, -1)
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: timeout})
	within(t, timeout+slack, func() {
		wantFailures(t, p.Publish(context.Background(), numbered(2)), event.FailureNotSent, event.FailureNotSent)
	})
}

// A leader that answers with one of these may have had the record appended, and it or its successor may keep it.
func TestARecordThatALeaderHadInItsHandsIsNotSaidToBeNeverSent(t *testing.T) {
	for name, err := range map[string]*kerr.Error{
		"a leader that has moved, and no other":  kerr.NotLeaderForPartition,
		"a disk that fails, and no other leader": kerr.KafkaStorageError,
		"too few replicas for long":              kerr.NotEnoughReplicas,
		"too few replicas afterwards":            kerr.NotEnoughReplicasAfterAppend,
		"a store that takes too long":            kerr.RequestTimedOut,
		"an error that the broker can't name":    kerr.UnknownServerError,
		"bytes that arrive broken":               kerr.CorruptMessage,
		"a sequence that it has lost":            kerr.OutOfOrderSequenceNumber,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const timeout = 2 * time.Second
			c := newBroker(t)
			refuse(c, err, -1)
			p := newPublisher(t, c, kafka.ProducerConfig{Timeout: timeout})
			within(t, timeout+slack, func() {
				wantFailures(t, p.Publish(context.Background(), numbered(1)), event.FailureOutcomeUnknown)
			})
		})
	}
}

// A topic that is deleted under a running service: the broker says so instead of storing.
func TestATopicThatIsGoneIsRejectedInBoundedTime(t *testing.T) {
	t.Parallel()
	c := newBroker(t)
	p := newPublisher(t, c, kafka.ProducerConfig{})
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "")
	refuse(c, kerr.UnknownTopicOrPartition, -1)
	within(t, 8*time.Second, func() {
		wantFailures(t, p.Publish(context.Background(), numbered(1)), event.FailureKafkaRefuses)
	})
}

func TestAnAnswerThatComesTooLateChangesNoReceipt(t *testing.T) {
	t.Parallel()
	c := newBroker(t)
	late := make(chan struct{})
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: time.Second}, kgo.WithHooks(unbuffered(late)))
	release := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	receipts := p.Publish(context.Background(), numbered(1))
	close(release)
	await(t, "the late answer", late)
	wantFailures(t, receipts, event.FailureOutcomeUnknown)
	if receipts[0].Offset != 0 || receipts[0].Partition != 0 {
		t.Errorf("the receipt became %+v", receipts[0])
	}
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "") // its promise is behind the late one
	stored(t, c, topic, 2)
}

// unbuffered is closed when the first record leaves the client, stored or failed.
type unbuffered chan struct{}

func (u unbuffered) OnProduceRecordUnbuffered(*kgo.Record, error) {
	select {
	case <-u:
	default:
		close(u)
	}
}
