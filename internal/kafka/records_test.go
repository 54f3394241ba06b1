package kafka_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

func TestRecordsAreStoredByteForByte(t *testing.T) {
	good := event.Record{Key: []byte("k"), Value: []byte("v"), Headers: []event.Header{{Key: "a", Value: []byte("1")}}}
	tests := map[string]func(*event.Record){
		"with key, value and header":        func(*event.Record) {},
		"with null for a value":             func(r *event.Record) { r.Value = nil },
		"with a value of no bytes":          func(r *event.Record) { r.Value = []byte{} },
		"with null for a key":               func(r *event.Record) { r.Key = nil },
		"with a key of no bytes":            func(r *event.Record) { r.Key = []byte{} },
		"with bytes that are not text":      func(r *event.Record) { r.Key, r.Value = []byte{0xff, 0}, []byte{0, 0xfe} },
		"with a header of bytes":            func(r *event.Record) { r.Headers[0].Value = []byte{0xff, 0, 0x80} },
		"with a header that is null":        func(r *event.Record) { r.Headers[0].Value = nil },
		"with a header of no bytes":         func(r *event.Record) { r.Headers[0].Value = []byte{} },
		"with a header that is there twice": func(r *event.Record) { r.Headers = append(r.Headers, r.Headers[0]) },
		"with no headers":                   func(r *event.Record) { r.Headers = nil },
		"wherever and whenever it came from": func(r *event.Record) {
			r.Partition, r.Offset, r.Timestamp = 99, 99,
				time.Unix(1, 0)
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			c := newBroker(t)
			r := good
			r.Topic, r.Headers = topic, append([]event.Header(nil), good.Headers...)
			change(&r)
			p := kafka.NewRecordTopic(config(c), kafka.ProducerConfig{}, topic)
			defer p.Close()
			if _, err := p.Publish(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			got := stored(t, c, topic, 1)[0]
			headers := make([]event.Header, 0, len(got.Headers))
			for _, h := range got.Headers {
				headers = append(headers, event.Header(h))
			}
			want := event.Record{Key: r.Key, Value: r.Value, Headers: append([]event.Header{}, r.Headers...)}
			if diff := cmp.Diff(want, event.Record{Key: got.Key, Value: got.Value, Headers: headers}); diff != "" {
				t.Errorf("not as it was (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordTopicTellsOfABadConfig(t *testing.T) {
	p := kafka.NewRecordTopic(kafka.Config{Auth: "ldap"}, kafka.ProducerConfig{}, topic)
	defer p.Close()
	_, err := p.Publish(context.Background(), event.Record{})
	if err == nil || !strings.Contains(err.Error(), "ldap") {
		t.Errorf("got %v", err)
	}
}

func TestRecordThatCannotBeStoredIsAnErrorInTime(t *testing.T) {
	t.Run("a missing topic", func(t *testing.T) {
		t.Parallel()
		p := kafka.NewRecordTopic(config(newBroker(t)), kafka.ProducerConfig{}, "missing")
		defer p.Close()
		within(t, 5*time.Second, func() {
			if _, err := p.Publish(context.Background(), event.Record{}); err == nil || !strings.Contains(err.Error(),
				"missing") {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("a broker that never answers, and a caller that has a deadline", func(t *testing.T) {
		t.Parallel()
		c := newBroker(t)
		silent(c, kmsg.Produce)
		p := kafka.NewRecordTopic(config(c), kafka.ProducerConfig{}, topic)
		defer p.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		within(t, 500*time.Millisecond+slack, func() {
			if _, err := p.Publish(ctx, event.Record{}); err == nil {
				t.Error("says that it is stored")
			}
		})
	})
	t.Run("a broker that never answers, and a caller that would wait for ever", func(t *testing.T) {
		t.Parallel()
		c := newBroker(t)
		silent(c, kmsg.Produce)
		p := kafka.NewRecordTopic(config(c), kafka.ProducerConfig{Timeout: time.Second}, topic)
		defer p.Close()
		within(t, time.Second+slack, func() {
			if _, err := p.Publish(context.Background(), event.Record{}); err == nil {
				t.Error("says that it is stored")
			}
		})
	})
}

func TestCheckSaysWhatIsWrongWithTheTopic(t *testing.T) {
	check := func(p *kafka.Publisher) error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		return p.Check(ctx)
	}
	t.Run("nothing", func(t *testing.T) {
		if err := check(newPublisher(t, newBroker(t), kafka.ProducerConfig{})); err != nil {
			t.Error(err)
		}
	})
	t.Run("it is missing", func(t *testing.T) {
		c := newBroker(t)
		if err := c.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
		err := check(newPublisher(t, c, kafka.ProducerConfig{}))
		if err == nil || !strings.Contains(err.Error(), "topic events: UNKNOWN_TOPIC_OR_PARTITION") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a partition has no leader", func(t *testing.T) {
		c := newBroker(t)
		c.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			resp := req.ResponseKind().(*kmsg.MetadataResponse)
			rt := kmsg.NewMetadataResponseTopic()
			rt.Topic = kmsg.StringPtr(topic)
			for i, leader := range []int32{0, -1} {
				rp := kmsg.NewMetadataResponseTopicPartition()
				rp.Partition, rp.Leader = int32(i), leader
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
			return resp, nil, true
		})
		err := check(newPublisher(t, c, kafka.ProducerConfig{}))
		if err == nil || !strings.Contains(err.Error(), "partition events-1 has no leader") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no broker answers", func(t *testing.T) {
		c := newBroker(t)
		p := newPublisher(t, c, kafka.ProducerConfig{})
		c.Close()
		within(t, 2*time.Second+slack, func() {
			if err := check(p); err == nil || !strings.Contains(err.Error(), "topic events") {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestARecordThatIsGivenUpIsNotSentAgainBehindItsCallersBack(t *testing.T) {
	t.Parallel()
	c := newBroker(t)
	p := kafka.NewRecordTopic(config(c), kafka.ProducerConfig{Timeout: time.Second}, topic)
	defer p.Close()
	asked := make(chan struct{}, 1)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) { // the first is never answered
		asked <- struct{}{}
		return nil, nil, true
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := p.Publish(ctx, event.Record{}); err == nil {
		t.Fatal("it is stored")
	}
	time.Sleep(2 * time.Second) // the library tries again after one
	if n := countStored(t, c, topic); n != 0 {
		t.Errorf("%d records are stored", n)
	}
	if _, err := p.Publish(context.Background(), event.Record{}); err != nil {
		t.Errorf("the next record: %v", err)
	}
}
