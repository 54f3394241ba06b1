package trigger

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// logLines is a logger's output that can be read while it is written.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logLines) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.b.String()), "\n")
}

// with counts the lines that contain text.
func (l *logLines) with(text string) int {
	n := 0
	for _, line := range l.lines() {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func TestATopicThatDoesNotExistIsSaidOnceAndWaitedFor(t *testing.T) {
	b := newBroker(t, 1)
	cfg, log := b.config(), &logLines{}
	cfg.Topic, cfg.Logger = "late", log.logger()
	var looks atomic.Int32
	b.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if topics := req.(*kmsg.MetadataRequest).Topics; len(topics) == 1 && *topics[0].Topic == "late" {
			looks.Add(1)
		}
		return nil, nil, false
	})
	f := &function{}
	start(t, cfg, f)
	eventually(t, func() bool { return log.with("the topic does not exist") > 0 },
		func() string { return "it says nothing" })
	eventually(t, func() bool { return looks.Load() >= 3 }, func() string { return "it looks no further" })
	if _, err := kadm.NewClient(b.client).CreateTopic(t.Context(), 1, -1, nil, "late"); err != nil {
		t.Fatal(err)
	}
	b.putRecords(t, &kgo.Record{Topic: "late", Value: []byte("a")})
	if diff := cmp.Diff([]string{"0:a"}, f.await(t, 1)); diff != "" {
		t.Error(diff)
	}
	if n := log.with("the topic does not exist"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
}

func TestATopicThatIsCreatedAgainIsReadFromItsStart(t *testing.T) {
	b := newBroker(t, 1)
	cfg, log := b.config(), &logLines{}
	cfg.Logger = log.logger()
	f := &function{}
	start(t, cfg, f)
	b.put(t, 0, "a", "b", "c")
	b.awaitCommitted(t, "0:3")
	recreate(t, b, "events")
	b.put(t, 0, "d", "e", "f", "g", "h") // more than were committed: a reader from the old offset would skip some
	eventually(t, func() bool { return strings.Contains(strings.Join(f.seen(), " "), "h") },
		func() string { return strings.Join(log.lines(), "\n") })
	if got := strings.Fields(strings.ReplaceAll(strings.Join(f.seen(), " "), "0:", "")); !slices.Equal(got,
		strings.Split("abcdefgh", "")) {
		t.Errorf("the function saw %q", got)
	}
	if lines := log.lines(); len(lines) > 15 {
		t.Errorf("it took %d lines of log:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

func recreate(t *testing.T, b *broker, topic string) {
	t.Helper()
	admin := kadm.NewClient(b.client)
	if _, err := admin.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopic(t.Context(), 1, -1, nil, topic); err != nil {
		t.Fatal(err)
	}
	b.client.PurgeTopicsFromProducing(topic) // the producer remembers the old topic
}

func TestBrokersThatAreAwayAreSaid(t *testing.T) {
	b := newBroker(t, 1)
	cfg, log := b.config(), &logLines{}
	cfg.Logger = log.logger()
	f := &function{}
	start(t, cfg, f)
	b.put(t, 0, "a")
	f.await(t, 1)
	b.Close()
	eventually(t, func() bool { return log.with("cannot read from Kafka") > 0 },
		func() string { return "it says nothing" })
}

func TestAFaultThatPersistsIsALineEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s seldom
		lines := 0
		for range 1000 { // 100 s of ten tries a second
			if s.now() {
				lines++
			}
			time.Sleep(100 * time.Millisecond)
		}
		if lines != 10 {
			t.Errorf("%d lines in 100 s", lines)
		}
	})
}

func TestTransactionsThatAreAbortedOrNotDecidedTakeNoEffectAndMarkersAreNoLag(t *testing.T) {
	b := newBroker(t, 2)
	transaction := func(value string, end func(*kgo.Client) error) {
		t.Helper()
		client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.TransactionalID(value),
			kgo.DefaultProduceTopic("events"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := end(client); err != nil {
			t.Fatal(err)
		}
	}
	decide := func(c kgo.TransactionEndTry) func(*kgo.Client) error {
		return func(client *kgo.Client) error { return client.EndTransaction(t.Context(), c) }
	}
	transaction("aborted", decide(kgo.TryAbort))
	transaction("committed", decide(kgo.TryCommit))
	f := &function{}
	start(t, b.config(), f)
	b.awaitCommitted(t, "0:4") // two records and two markers
	transaction("undecided", func(*kgo.Client) error { return nil })
	b.put(t, 0, "behind it")
	for n := range 3 { // one fetch returns records of both partitions
		b.put(t, 1, "witness")
		b.awaitCommitted(t, fmt.Sprintf("0:4 1:%d", n+1))
	}
	if diff := cmp.Diff([]string{"0:committed", "1:witness", "1:witness", "1:witness"}, f.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestAnInvocationThatTakesLongIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logLines{}
		cfg := Config{Topic: "events", ConsumerGroup: "processor", FunctionTimeout: time.Minute,
			Logger: log.logger()}.withDefaults()
		c := &consumer{cfg: cfg, log: cfg.Logger, invoking: t.Context()}
		c.invoker = invokerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		p := &poller{consumer: c, partition: 2, ctx: t.Context()}
		if _, err := p.invoke("id", []*kgo.Record{{Topic: "events", Partition: 2, Offset: 7}}); err == nil {
			t.Error("it succeeded")
		}
		want := "partition=2 first_offset=7 records=1 request_id=id waited_seconds=5 timeout_seconds=60"
		if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], want) {
			t.Errorf("the log is %q, want %q", lines, want)
		}
		c.invoker = invokerFunc(func(context.Context, []byte) ([]byte, error) { return nil, nil })
		if _, err := p.invoke("id", nil); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if n := len(log.lines()); n != 1 {
			t.Errorf("a quick invocation is said to be waited for: %d lines", n)
		}
	})
}

// A commit that is under way while the topic is deleted may arrive after Kafka has removed the group's offsets.
func TestOffsetsOfATopicThatIsGoneAreForgottenBeforeTheNewOneIsRead(t *testing.T) {
	b := newBroker(t, 1)
	b.put(t, 0, "a", "b", "c")
	admin := kadm.NewClient(b.client)
	late := kadm.Offsets{}
	late.AddOffset("events", 0, 2, -1)
	if err := admin.CommitAllOffsets(t.Context(), "processor", late); err != nil {
		t.Fatal(err)
	}
	cfg := b.config().withDefaults()
	log := slog.New(slog.DiscardHandler)
	same, err := awaitTopic(t.Context(), cfg, kadm.TopicID{}, log)
	if err == nil {
		same, err = awaitTopic(t.Context(), cfg, same, log)
	}
	if got := b.committed(t); err != nil || got != "0:2" {
		t.Fatalf("%v; committed is %q for the topic as it was", err, got)
	}
	if id, err := awaitTopic(t.Context(), cfg, kadm.TopicID{1}, log); err != nil || id != same {
		t.Fatalf("%v; topic %v became %v", err, same, id)
	}
	if got := b.committed(t); got != "" {
		t.Errorf("committed is %q for another topic of the same name", got)
	}
}
