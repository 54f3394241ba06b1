package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicOf is an embedded broker with one topic of two partitions, and a client that writes to any of them.
func topicOf(t *testing.T) (Config, *kgo.Client) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "letters"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cfg := Config{Brokers: cluster.ListenAddrs(), Auth: AuthNone}
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.DefaultProduceTopic("letters"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return cfg, client
}

// put stores one record for each value, a second apart from start on.
func put(t *testing.T, client *kgo.Client, partition int32, start time.Time, values ...string) {
	t.Helper()
	for i, v := range values {
		r := &kgo.Record{Partition: partition, Value: []byte(v), Timestamp: start.Add(time.Duration(i) * time.Second)}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// readAll gives the values by partition.
func readAll(t *testing.T, cfg Config, spans Spans) map[int32][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got := map[int32][]string{}
	for r, err := range Read(ctx, cfg, "letters", spans) {
		if err != nil {
			t.Fatal(err)
		}
		got[r.Partition] = append(got[r.Partition], string(r.Value))
	}
	return got
}

func bounds(t *testing.T, client *kgo.Client, since, until time.Time) Spans {
	t.Helper()
	spans, err := Bounds(t.Context(), client, "letters", since, until)
	if err != nil {
		t.Fatal(err)
	}
	return spans
}

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func TestReadEndsWhereTheTopicEndedWhenItsBoundsWereAsked(t *testing.T) {
	cfg, client := topicOf(t)
	put(t, client, 0, noon, "a", "b")
	put(t, client, 1, noon, "c")
	spans := bounds(t, client, time.Time{}, time.Time{})
	put(t, client, 0, noon, "later")
	if diff := cmp.Diff(map[int32][]string{0: {"a", "b"}, 1: {"c"}}, readAll(t, cfg, spans)); diff != "" {
		t.Error(diff)
	}
	if got := spans.Len(); got != 3 {
		t.Errorf("the spans have %d offsets, want 3", got)
	}
}

func TestReadEndsAtOnceWhereThereIsNothing(t *testing.T) {
	cfg, client := topicOf(t)
	if got := readAll(t, cfg, bounds(t, client, time.Time{}, time.Time{})); len(got) != 0 {
		t.Errorf("an empty topic gave %v", got)
	}
}

func TestBoundsTakeWhatIsFromTheFirstTimeOnAndBeforeTheSecond(t *testing.T) {
	cfg, client := topicOf(t)
	put(t, client, 0, noon, "0s", "1s", "2s", "3s")
	put(t, client, 1, noon, "0s")
	spans := bounds(t, client, noon.Add(time.Second), noon.Add(3*time.Second))
	if diff := cmp.Diff(map[int32][]string{0: {"1s", "2s"}}, readAll(t, cfg, spans)); diff != "" {
		t.Error(diff)
	}
}

func TestReadEndsBehindAMarkerOfATransaction(t *testing.T) {
	cfg, client := topicOf(t)
	producer, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.DefaultProduceTopic("letters"),
		kgo.TransactionalID("tx"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	put(t, producer, 0, noon, "a")
	if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	spans := bounds(t, client, time.Time{}, time.Time{})
	if spans[0].End != 2 {
		t.Fatalf("the partition ends at %d, want 2: a record and the marker", spans[0].End)
	}
	if diff := cmp.Diff(map[int32][]string{0: {"a"}}, readAll(t, cfg, spans)); diff != "" {
		t.Error(diff)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	cfg, client := topicOf(t)
	put(t, client, 0, noon, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var last error
	for _, err := range Read(ctx, cfg, "letters", Spans{0: {First: 0, End: 5}}) {
		last = err
	}
	if !errors.Is(last, context.DeadlineExceeded) {
		t.Errorf("reading past the end gave %v", last)
	}
}

func TestAPositionIsFoundAgainByTheNextRun(t *testing.T) {
	_, client := topicOf(t)
	positions, err := Positions(t.Context(), client, "replay", "letters")
	if err != nil || len(positions) != 0 {
		t.Fatalf("a new group has the positions %v, %v", positions, err)
	}
	want := map[int32]int64{1: 7}
	if err := SetPositions(t.Context(), client, "replay", "letters", want); err != nil {
		t.Fatal(err)
	}
	positions, err = Positions(t.Context(), client, "replay", "letters")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, positions); diff != "" {
		t.Error(diff)
	}
}

func TestATopicThatIsNotThereIsNamed(t *testing.T) {
	_, client := topicOf(t)
	_, err := Bounds(t.Context(), client, "nowhere", time.Time{}, time.Time{})
	if err == nil || !cmp.Equal(fmt.Sprint(err)[:36], "list offsets of topic nowhere: UNKNO") {
		t.Errorf("got %v", err)
	}
}
