package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestARereaderReadsAgainAndAgainOverTheConnectionsThatItHas(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(4, "letters", "others"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var connections atomic.Int64 // each begins by asking which versions the broker knows
	cluster.ControlKey(int16(kmsg.ApiVersions), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		connections.Add(1)
		return nil, nil, false
	})
	cfg := Config{Brokers: cluster.ListenAddrs(), Auth: AuthNone}
	writer, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(writer.Close)
	r := NewRereader(cfg)
	t.Cleanup(r.Close)
	const reads = 20
	for n := range int64(reads / 2) {
		for _, topic := range []string{"letters", "others"} {
			spans, want := Spans{}, []string{}
			for p := range int32(4) {
				for i := range int64(3) {
					value := fmt.Sprint(topic, p, " ", 3*n+i)
					record := &kgo.Record{Topic: topic, Partition: p, Value: []byte(value)}
					if err := writer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
						t.Fatal(err)
					}
					if i > 0 { // the first of each three is passed over
						want = append(want, value)
					}
				}
				spans[p] = Span{First: 3*n + 1, End: 3*n + 3}
			}
			var got []string
			for record, err := range r.Read(t.Context(), topic, spans) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(record.Value))
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Fatalf("read %d of %s gives %q, want %q", n, topic, got, want)
			}
		}
	}
	if n := connections.Load(); n > reads { // the writer's are among them; each of two clients has a few to each broker
		t.Errorf("%d reads take %d connections", reads, n)
	}
}

func TestARereaderReadsTheSameAgainAlsoAfterAReadThatWasLeftAndOneThatFailed(t *testing.T) {
	cfg, client := topicOf(t)
	put(t, client, 0, time.Now(), "a", "b", "c")
	put(t, client, 1, time.Now(), "d")
	r := NewRereader(cfg)
	t.Cleanup(r.Close)
	spans := Spans{0: {First: 0, End: 3}, 1: {First: 0, End: 1}}
	for range r.Read(t.Context(), "letters", spans) {
		break
	}
	for range 2 {
		failing, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		for _, err := range r.Read(failing, "nowhere", Spans{0: {First: 0, End: 1}}) {
			if err == nil {
				t.Error("a topic that is not there is read")
			}
		}
		cancel()
		var got []string
		for record, err := range r.Read(t.Context(), "letters", spans) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(record.Value))
		}
		if slices.Sort(got); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("it gives %q", got)
		}
	}
}

func TestARereaderGivesBackWhatItDoesNotUse(t *testing.T) {
	cfg, client := topicOf(t)
	put(t, client, 0, time.Now(), "a")
	r := NewRereader(cfg)
	t.Cleanup(r.Close)
	r.keepFor = 50 * time.Millisecond
	isOpen := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.client != nil
	}
	for range 2 { // it comes back to life
		for _, err := range r.Read(t.Context(), "letters", Spans{0: {First: 0, End: 1}}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if !isOpen() {
			t.Error("it keeps nothing")
		}
		for deadline := time.Now().Add(5 * time.Second); isOpen(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it keeps its connections although nobody reads")
			}
		}
	}
}
