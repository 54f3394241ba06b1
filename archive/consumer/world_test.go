package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive"
	"event-processing-service/archive/consumer"
	"event-processing-service/archive/objects"
	"event-processing-service/internal/event"
)

const topic, group = "events", "test-archive"

// world is brokers, an archive in a directory, and what the archiver logs.
type world struct {
	*testing.T
	brokers []string
	client  *kgo.Client
	place   *faulty
	log     *output
	topic   string
	group   string
	made    int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return on(t, cluster.ListenAddrs(), topic, group)
}

func on(t *testing.T, brokers []string, topic, group string) *world {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &world{t, brokers, client, &faulty{Place: objects.NewDirectory(t.TempDir())}, &output{}, topic, group, 0}
}

// faulty is a place that may be away.
type faulty struct {
	objects.Place
	fails func() (store bool, err error) // of each put; nil: none
}

func (f *faulty) Put(ctx context.Context, name string, body []byte) error {
	if f.fails == nil {
		return f.Place.Put(ctx, name, body)
	}
	store, err := f.fails()
	if store {
		err = errors.Join(f.Place.Put(ctx, name, body), err)
	}
	return err
}

type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs an archiver until it is stopped, or the test ends.
func (w *world) start(change ...func(*consumer.Config)) (stop func()) {
	w.Helper()
	cfg := consumer.Config{
		Topics: []string{w.topic}, Group: w.group, Window: 50 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Options: []kgo.Opt{
			kgo.SeedBrokers(w.brokers...), kgo.MetadataMinAge(50 * time.Millisecond),
			kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(200 * time.Millisecond), // the least that Kafka takes
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx, cfg, archive.NewArchiver(w.place)) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the archiver ends with %v", err)
		}
	})
	w.Cleanup(stop)
	return stop
}

// produce writes n records of every shape, and gives them as a consumer sees them.
func (w *world) produce(n int) {
	w.Helper()
	values := [][]byte{nil, {}, []byte("text"), {0xff, 0, 1}, []byte(`{"n": 1.0 }`)}
	records := make([]*kgo.Record, n)
	for i := range records {
		r := &kgo.Record{
			Topic: w.topic, Partition: int32(i % 3), Key: values[i%5], Value: values[i/5%5],
			Timestamp: time.UnixMilli(1_770_000_000_000 + w.made),
		}
		w.made++
		for h := range i % 3 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(values[(i+h)%5]), Value: values[(i/3+h)%5]})
		}
		records[i] = r
	}
	if err := w.client.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// kept is what the topic holds, by partition, and what the group has committed.
func (w *world) kept() (records map[int32][]event.Record, ends map[int32]int64, committed map[int32]int64) {
	w.Helper()
	admin := kadm.NewClient(w.client)
	listed, err := admin.ListEndOffsets(w.Context(), w.topic)
	if err != nil {
		w.Fatal(err)
	}
	starts, err := admin.ListStartOffsets(w.Context(), w.topic)
	if err != nil {
		w.Fatal(err)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumeTopics(w.topic), kgo.KeepControlRecords(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		w.Fatal(err)
	}
	defer reader.Close()
	records, ends, committed = map[int32][]event.Record{}, map[int32]int64{}, map[int32]int64{}
	open := map[int32]bool{}
	listed.Each(func(o kadm.ListedOffset) {
		ends[o.Partition] = o.Offset
		if start, _ := starts.Lookup(w.topic, o.Partition); start.Offset < o.Offset {
			open[o.Partition] = true
		}
	})
	for len(open) > 0 {
		for r := range reader.PollFetches(w.Context()).RecordsAll() {
			if !r.Attrs.IsControl() {
				one := event.Record{
					Place: event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, Timestamp: r.Timestamp,
					Key: r.Key, Value: r.Value,
				}
				for _, h := range r.Headers {
					one.Headers = append(one.Headers, event.Header(h))
				}
				records[r.Partition] = append(records[r.Partition], one)
			}
			if r.Offset >= ends[r.Partition]-1 {
				delete(open, r.Partition)
			}
		}
	}
	offsets, err := admin.FetchOffsets(w.Context(), w.group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // which has not begun
		w.Fatal(err)
	}
	offsets.Each(func(o kadm.OffsetResponse) { committed[o.Partition] = o.At })
	return records, ends, committed
}

func (w *world) await(what string, is func() bool) {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("not %s within 20 s; the log:\n%s", what, w.log)
		}
	}
}

// awaitAll waits until everything is committed, which says that it is archived.
func (w *world) awaitAll() {
	w.Helper()
	w.await("archived", func() bool {
		_, ends, committed := w.kept()
		for p, end := range ends {
			if end > 0 && committed[p] < end {
				return false
			}
		}
		return true
	})
}

// check compares the archive with the topic, and verifies it.
func (w *world) check() (accounts []archive.Account, problems []error) {
	w.Helper()
	want, _, _ := w.kept()
	contents, err := archive.List(w.Context(), w.place, archive.Range{Topic: w.topic})
	if err != nil {
		w.Fatal(err)
	}
	got := map[int32][]event.Record{}
	for r, err := range contents.Records(w.Context()) {
		if err != nil {
			w.Fatal(err)
		}
		got[r.Partition] = append(got[r.Partition], r)
	}
	for p := range want {
		rest := got[p] // which may have those of a topic that was there before
		for _, r := range want[p] {
			i := slices.IndexFunc(rest, func(other event.Record) bool { return reflect.DeepEqual(r, other) })
			if i < 0 {
				w.Errorf("%s is not in the archive, or not as it was, or not in its order", r.Place)
				break
			}
			rest = rest[i+1:]
		}
	}
	for a, err := range archive.Verify(w.Context(), w.place, w.topic) {
		if err != nil {
			problems = append(problems, err)
		} else {
			accounts = append(accounts, a)
		}
	}
	return accounts, problems
}
