package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience is how long a test waits for something that must happen. Only a failing test waits that long.
const patience = 20 * time.Second

// broker is a fake Kafka with one topic, "events".
type broker struct {
	*kfake.Cluster
	client *kgo.Client
}

func newBroker(t *testing.T, partitions int32) *broker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("events"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &broker{cluster, client}
}

// put stores one record per value in a partition.
func (b *broker) put(t *testing.T, partition int32, values ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Partition: partition, Value: []byte(v)})
	}
	b.putRecords(t, records...)
}

func (b *broker) putRecords(t *testing.T, records ...*kgo.Record) {
	t.Helper()
	if err := b.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// committed returns the group's offsets as "partition:offset".
func (b *broker) committed(t *testing.T) string {
	t.Helper()
	offsets, err := kadm.NewClient(b.client).FetchOffsets(t.Context(), "processor")
	if errors.Is(err, kerr.GroupIDNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range offsets.Sorted() {
		out = append(out, fmt.Sprintf("%d:%d", o.Partition, o.At))
	}
	return strings.Join(out, " ")
}

func (b *broker) awaitCommitted(t *testing.T, want string) {
	t.Helper()
	var got string
	eventually(t, func() bool { got = b.committed(t); return got == want },
		func() string { return fmt.Sprintf("committed %q, want %q", got, want) })
}

func eventually(t *testing.T, ok func() bool, message func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(message())
		}
	}
}

// config works, and is fast enough for tests.
func (b *broker) config() Config {
	return Config{
		Topic: "events", ConsumerGroup: "processor", Source: testSource,
		BatchWindow:  20 * time.Millisecond,
		RetryBackoff: time.Millisecond, MaxRetryBackoff: 20 * time.Millisecond,
		FunctionTimeout: patience, ShutdownGrace: 10 * time.Second,
		ClientOptions: []kgo.Opt{
			kgo.SeedBrokers(b.ListenAddrs()...),
			// Members learn of a rebalance from their heartbeat, which is every 3 s by default.
			kgo.HeartbeatInterval(50 * time.Millisecond),
			kgo.MetadataMinAge(100 * time.Millisecond), // the client remembers for so long that a topic is missing
			kgo.FetchMaxWait(250 * time.Millisecond),
		},
	}
}

// function is an Invoker that records its invocations.
type function struct {
	mu      sync.Mutex
	batches []string
	// answer decides an invocation by its records, written as "partition:value value|partition:value". nil: it succeeds.
	answer func(ctx context.Context, batch string) (string, error)
}

func (f *function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event events.KafkaEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	var parts []string
	for _, records := range event.Records {
		var values []string
		for _, r := range records {
			raw, err := decodeValue(r.Value)
			if err != nil {
				return nil, err
			}
			values = append(values, raw)
		}
		parts = append(parts, fmt.Sprintf("%d:%s", records[0].Partition, strings.Join(values, " ")))
	}
	slices.Sort(parts)
	batch := strings.Join(parts, "|")
	f.mu.Lock()
	f.batches = append(f.batches, batch)
	f.mu.Unlock()
	if f.answer == nil {
		return []byte("null"), nil
	}
	response, err := f.answer(ctx, batch)
	return []byte(response), err
}

func (f *function) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}

// await waits for n batches and returns them.
func (f *function) await(t *testing.T, n int) []string {
	t.Helper()
	eventually(t, func() bool { return len(f.seen()) >= n },
		func() string { return fmt.Sprintf("got %d batches, want %d: %q", len(f.seen()), n, f.seen()) })
	return f.seen()
}

// start runs a mapping until the test ends or the returned function is called, which waits for Run.
func start(t *testing.T, cfg Config, f Invoker) (stop func()) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	m, err := New(cfg, f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(2 * patience):
			t.Error("Run did not return")
		}
	})
	t.Cleanup(stop)
	return stop
}
