//go:build integration

package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// realKafka is the configuration of a real broker, and a context for the test.
func realKafka(t *testing.T) (context.Context, kafka.Config) {
	t.Helper()
	brokers := kafka.ParseBrokers(os.Getenv("KAFKA_BOOTSTRAP_SERVERS"))
	if len(brokers) == 0 {
		t.Skip("KAFKA_BOOTSTRAP_SERVERS is not set: start a broker and name it there as host:port")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx, kafka.Config{Brokers: brokers, Auth: kafka.AuthNone, ClientID: "integration-test"}
}

// applied makes topics of its own for the test and deletes them afterwards.
func applied(t *testing.T, ctx context.Context, cfg kafka.Config) (events, dead string) {
	t.Helper()
	events = fmt.Sprintf("it-%d-events", time.Now().UnixNano())
	dead = events + ".dlq"
	client := newClient(t, cfg)
	t.Cleanup(func() {
		if _, err := kadm.NewClient(client).DeleteTopics(context.Background(), events, dead); err != nil {
			t.Error(err)
		}
	})
	want := kafka.ServiceTopics([]string{events}, 3, dead)
	for run, created := range []bool{true, false} {
		states, err := kafka.ApplyTopics(ctx, client, want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]kafka.TopicState{{Name: events, Created: created}, {Name: dead, Created: created}},
			states); diff != "" {
			t.Fatalf("run %d (-want +got):\n%s", run+1, diff)
		}
	}
	return events, dead
}

func readBack(t *testing.T, ctx context.Context, cfg kafka.Config, name string, n int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.ConsumeTopics(name),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

func TestRealKafkaKeepsWhatIsPublished(t *testing.T) {
	ctx, cfg := realKafka(t)
	name, _ := applied(t, ctx, cfg)
	p, err := kafka.NewPublisher(cfg, kafka.ProducerConfig{}, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(ctx) }()
	if err := p.Check(ctx); err != nil {
		t.Fatal(err)
	}
	events := numbered(50)
	for i := range events {
		events[i].Subject = fmt.Sprint("key-", i%5)
		events[i].Extensions = []event.Extension{{Name: "empty", Value: ""}, {Name: "text", Value: "€ 😀"}}
	}
	events[7].Data, events[8].Data = nil, []byte{}
	events[9].Data = bytes.Repeat([]byte("x"), 1<<20) // above the broker's limit
	receipts := p.Publish(ctx, events, event.Header{Key: "traceparent",
		Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")})
	want := make([]event.Failure, len(events))
	want[9] = event.FailureTooLarge
	wantFailures(t, receipts, want...)

	type place struct {
		partition int32
		offset    int64
	}
	got := map[place]event.Event{}
	for _, r := range readBack(t, ctx, cfg, name, len(events)-1) {
		headers := make([]event.Header, len(r.Headers))
		for i, h := range r.Headers {
			headers[i] = event.Header(h)
		}
		e, err := event.FromRecord(&event.Record{Place: event.Place{Topic: r.Topic}, Value: r.Value, Headers: headers})
		if err != nil {
			t.Fatal(err)
		}
		got[place{r.Partition, r.Offset}] = e
	}
	for i, r := range receipts {
		if i == 9 {
			continue
		}
		if diff := cmp.Diff(events[i], got[place{r.Partition, r.Offset}]); diff != "" {
			t.Errorf("event %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestRealKafkaKeepsRecordsByteForByte(t *testing.T) {
	ctx, cfg := realKafka(t)
	_, dead := applied(t, ctx, cfg)
	p := kafka.NewRecordTopic(cfg, kafka.ProducerConfig{}, dead)
	defer p.Close()
	want := event.Record{Place: event.Place{Topic: dead}, Key: []byte{}, Value: nil, Headers: []event.Header{
		{Key: "a", Value: nil}, {Key: "a", Value: []byte{}}, {Key: "b", Value: []byte{0xff, 0}},
	}}
	if _, err := p.Publish(ctx, want); err != nil {
		t.Fatal(err)
	}
	r := readBack(t, ctx, cfg, dead, 1)[0]
	got := event.Record{Place: event.Place{Topic: r.Topic}, Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		got.Headers = append(got.Headers, event.Header(h))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not as it was (-want +got):\n%s", diff)
	}
}

func TestRealKafkaRejectsAMissingTopic(t *testing.T) {
	ctx, cfg := realKafka(t)
	p, err := kafka.NewPublisher(cfg, kafka.ProducerConfig{}, "it-missing")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(ctx) }()
	within(t, 6*time.Second, func() { wantFailures(t, p.Publish(ctx, numbered(1)), event.FailureKafkaRefuses) })
	if err := p.Check(ctx); err == nil {
		t.Error("the check finds the topic")
	}
}

func TestSinceSeesARealTopicAsItsLeadersDo(t *testing.T) {
	ctx, cfg := realKafka(t)
	_, dead := applied(t, ctx, cfg)
	p := kafka.NewRecordTopic(cfg, kafka.ProducerConfig{}, dead)
	defer p.Close()
	since := func() (places []event.Place) {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		for r, err := range p.Since(ctx, time.Now().Add(-time.Hour)) {
			if err != nil {
				t.Fatal(err)
			}
			places = append(places, r.Place)
		}
		return places
	}
	if got := since(); got != nil {
		t.Errorf("a new topic has %v", got)
	}
	at, err := p.Publish(ctx, event.Record{Place: event.Place{Topic: dead}, Key: []byte("k"), Value: []byte("v")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]event.Place{at}, since()); diff != "" { // two of three partitions are empty still
		t.Errorf("-stored +read:\n%s", diff)
	}
}

func TestOnlyWhatIsCommittedIsReadFromRealKafka(t *testing.T) {
	ctx, cfg := realKafka(t)
	name, _ := applied(t, ctx, cfg)
	onlyWhatIsCommittedIsRead(t, cfg, name)
}

func TestRealKafkaAloneRefusesADeadLetterForItsSize(t *testing.T) {
	ctx, cfg := realKafka(t)
	_, dead := applied(t, ctx, cfg)
	p := kafka.NewRecordTopic(cfg, kafka.ProducerConfig{}, dead)
	defer p.Close()
	for name, test := range map[string]struct {
		value []byte
		want  event.Failure
	}{
		"2,000,000 compressible bytes": {bytes.Repeat([]byte("ab"), 1_000_000), ""},
		"1,048,300 plain bytes":        {noise(1, 1_048_300), ""},
		"more than the topic takes":    {noise(1, 1_048_600), event.FailureTooLarge},
	} {
		place, err := p.Publish(ctx, event.Record{Value: test.value})
		if got := event.FailureOf(err); got != test.want {
			t.Errorf("%s: %q, want %q: %v", name, got, test.want, err)
		}
		if err == nil && place.Topic != dead {
			t.Errorf("%s: lies at %+v", name, place)
		}
	}
}

func TestRealKafkaTellsNullFromEmptyWhereverRecordsAreCopied(t *testing.T) {
	ctx, cfg := realKafka(t)
	name, dead := applied(t, ctx, cfg)
	in, out := kafka.NewRecordTopic(cfg, kafka.ProducerConfig{}, name), kafka.NewRecordTopic(cfg, kafka.ProducerConfig{},
		dead)
	defer in.Close()
	defer out.Close()
	for _, r := range []event.Record{
		{}, {Key: []byte{}}, {Value: []byte{}}, {Key: []byte{}, Value: []byte{}}, {Key: []byte("k"), Value: []byte{}},
	} {
		if _, err := in.Publish(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	form := func(b []byte) string {
		if b == nil {
			return "null"
		}
		return fmt.Sprintf("%q", b)
	}
	contents := func(topic *kafka.RecordTopic) map[string]int {
		all := map[string]int{}
		for r, err := range topic.Since(ctx, time.Now().Add(-time.Hour)) {
			if err != nil {
				t.Fatal(err)
			}
			all[form(r.Key)+" "+form(r.Value)]++
			if topic == in {
				if _, err := out.Publish(ctx, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		return all
	}
	want := map[string]int{"null null": 1, `"" null`: 1, `null ""`: 1, `"" ""`: 1, `"k" ""`: 1}
	if diff := cmp.Diff(want, contents(in)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, contents(out)); diff != "" {
		t.Errorf("copied: %s", diff)
	}
}

func TestRealKafkaStoresSmallEventsThatAreTooLargeTogether(t *testing.T) {
	ctx, cfg := realKafka(t)
	name := fmt.Sprintf("it-%d-small", time.Now().UnixNano())
	admin, limit := kadm.NewClient(newClient(t, cfg)), "10000"
	if _, err := admin.CreateTopic(ctx, 1, 1, map[string]*string{"max.message.bytes": &limit}, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = admin.DeleteTopic(context.Background(), name) })
	p, err := kafka.NewPublisher(cfg, kafka.ProducerConfig{}, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(ctx) }()
	events := numbered(500)
	for i := range events {
		events[i].Data = noise(i, 1000)
	}
	begin := time.Now()
	wantFailures(t, p.Publish(ctx, events), make([]event.Failure, len(events))...)
	t.Logf("500 events one by one took %s", time.Since(begin).Round(time.Millisecond))
}
