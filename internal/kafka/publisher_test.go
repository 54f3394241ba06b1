package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

func TestPublishedRecordHasExactlyTheEvent(t *testing.T) {
	attributes := event.Event{ID: "1", Source: "/s", Type: "t"}
	headers := []kgo.RecordHeader{{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte("1")},
		{Key: "ce_source", Value: []byte("/s")}, {Key: "ce_type", Value: []byte("t")}}
	tests := map[string]struct {
		change    func(*event.Event)
		transport []event.Header
		key       []byte
		value     []byte
		more      []kgo.RecordHeader
	}{
		"its ce_ headers and no more, with null for key and value": {func(*event.Event) {}, nil, nil, nil, nil},
		"its data as the value and its type as content-type": {
			func(e *event.Event) { e.DataContentType, e.Data = "application/json", []byte(`{ "n" : 1.50 }`) },
			nil, nil, []byte(`{ "n" : 1.50 }`), []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/json")}},
		},
		"data of no bytes, which is not null": {func(e *event.Event) { e.Data = []byte{} }, nil, nil, []byte{}, nil},
		"its subject as the key": {
			func(e *event.Event) { e.Subject = "s" }, nil, []byte("s"), nil, []kgo.RecordHeader{{Key: "ce_subject",
				Value: []byte("s")}},
		},
		"its partitionkey as the key before the subject": {
			func(e *event.Event) {
				e.Subject, e.Extensions = "s", []event.Extension{{Name: "partitionkey", Value: "p"}}
			},
			nil, []byte("p"), nil,
			[]kgo.RecordHeader{{Key: "ce_subject", Value: []byte("s")}, {Key: "ce_partitionkey", Value: []byte("p")}},
		},
		"the transport's headers after its own": {
			func(*event.Event) {}, []event.Header{{Key: "traceparent", Value: []byte("00-1")},
				{Key: "x-request-id", Value: nil}}, nil, nil,
			[]kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-1")}, {Key: "x-request-id", Value: nil}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newBroker(t)
			e := attributes
			test.change(&e)
			receipts := newPublisher(t, c, kafka.ProducerConfig{}).Publish(context.Background(), []event.Event{e},
				test.transport...)
			wantFailures(t, receipts, "")
			r := stored(t, c, topic, 1)[0]
			if diff := cmp.Diff(append(append([]kgo.RecordHeader{}, headers...), test.more...), r.Headers); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.key, r.Key); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.value, r.Value); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReceiptsSayWhereEachEventLies(t *testing.T) {
	c := newBroker(t)
	const n = 100
	events := numbered(n)
	for i := range events {
		events[i].Subject = fmt.Sprint("key-", i%7)
	}
	receipts := newPublisher(t, c, kafka.ProducerConfig{}).Publish(context.Background(), events)
	wantFailures(t, receipts, make([]event.Failure, n)...)
	type place struct {
		partition int32
		offset    int64
	}
	at := map[place]string{}
	lastOfKey := map[string]int64{}
	for _, r := range stored(t, c, topic, n) {
		at[place{r.Partition, r.Offset}] = string(r.Value)
	}
	for i, r := range receipts {
		if got := at[place{r.Partition, r.Offset}]; got != string(events[i].Data) || r.Topic != topic {
			t.Errorf("receipt %d says %s/%d/%d, where %s lies", i, r.Topic, r.Partition, r.Offset, got)
		}
		if last, ok := lastOfKey[events[i].Subject]; ok && r.Offset <= last {
			t.Errorf("event %d of %s lies before the one before it", i, events[i].Subject)
		}
		lastOfKey[events[i].Subject] = r.Offset
	}
}

func TestPublishOfNothingAnswersAtOnce(t *testing.T) {
	within(t, time.Second, func() {
		if got := newPublisher(t, newBroker(t), kafka.ProducerConfig{}).Publish(context.Background(), nil); len(got) != 0 {
			t.Error(got)
		}
	})
}

func TestManyMayPublishAtTheSameTime(t *testing.T) {
	c := newBroker(t)
	p := newPublisher(t, c, kafka.ProducerConfig{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { wantFailures(t, p.Publish(context.Background(), numbered(10)), make([]event.Failure, 10)...) })
	}
	wg.Wait()
	stored(t, c, topic, 200)
}

func TestATooLargeEventOfABatchFailsAlone(t *testing.T) {
	c := newBroker(t)
	events := numbered(3)
	events[1].Data = bytes.Repeat([]byte("x"), 1<<20)
	wantFailures(t, newPublisher(t, c, kafka.ProducerConfig{}).Publish(context.Background(), events), "",
		event.FailureTooLarge, "")
	stored(t, c, topic, 2)
}

func TestEventsThatAreTooLargeTogetherAreStored(t *testing.T) {
	c := newBroker(t)
	events := numbered(6)
	for i := range events { // one key, so one partition; half a million bytes each
		events[i].Subject, events[i].Data = "k", bytes.Repeat([]byte("x"), 500_000)
	}
	wantFailures(t, newPublisher(t, c, kafka.ProducerConfig{}).Publish(context.Background(), events),
		make([]event.Failure, 6)...)
}

func TestAContextThatHasEndedSendsNothing(t *testing.T) {
	c := newBroker(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := newPublisher(t, c, kafka.ProducerConfig{})
	within(t, time.Second, func() {
		wantFailures(t, p.Publish(ctx, numbered(2)), event.FailureNotSent, event.FailureNotSent)
	})
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "") // in its wake anything buffered would come, too
	stored(t, c, topic, 1)
}

func TestAContextThatEndsLaterCallsNothingBack(t *testing.T) {
	c := newBroker(t)
	ctx, cancel := context.WithCancel(context.Background())
	refuse(c, kerr.NotLeaderForPartition, 1) // after that answer the library would drop a record whose context has ended
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel()
		return nil, nil, false
	})
	wantFailures(t, newPublisher(t, c, kafka.ProducerConfig{}).Publish(ctx, numbered(2)), "", "")
}

func TestFullBuffersRefuseAtOnce(t *testing.T) {
	for name, pc := range map[string]kafka.ProducerConfig{
		"by records": {Timeout: 2 * time.Second, MaxBufferedRecords: 5},
		"by bytes":   {Timeout: 2 * time.Second, MaxBufferedBytes: 5 * 77}, // one of numbered takes 77, headers and all
	} {
		t.Run(name, func(t *testing.T) {
			c := newBroker(t)
			p := newPublisher(t, c, pc)
			wantFailures(t, p.Publish(context.Background(), numbered(1)), "")
			asked := silent(c, kmsg.Produce)
			first := make(chan []event.Receipt, 1)
			go func() { first <- p.Publish(context.Background(), numbered(7)) }()
			await(t, "the broker is asked to store", asked)
			within(t, time.Second, func() {
				wantFailures(t, p.Publish(context.Background(), numbered(2)), event.FailureNotSent, event.FailureNotSent)
			})
			unknown, never := event.FailureOutcomeUnknown, event.FailureNotSent
			wantFailures(t, await(t, "the first answer", first), unknown, unknown, unknown, unknown, unknown, never, never)
		})
	}
}

func TestCloseStoresWhatIsBuffered(t *testing.T) {
	c := newBroker(t)
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: time.Second})
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "")
	release := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	wantFailures(t, p.Publish(context.Background(), numbered(1)), event.FailureOutcomeUnknown)
	close(release)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
	stored(t, c, topic, 2)
}

func TestCloseGivesUpWhenItsContextEnds(t *testing.T) {
	c := newBroker(t)
	p, err := kafka.NewPublisher(config(c), kafka.ProducerConfig{Timeout: time.Second}, topic)
	if err != nil {
		t.Fatal(err)
	}
	silent(c, kmsg.Produce)
	wantFailures(t, p.Publish(context.Background(), numbered(1)), event.FailureOutcomeUnknown)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	within(t, 3*time.Second, func() {
		if err := p.Close(ctx); err == nil {
			t.Error("says that all is stored")
		}
	})
}
