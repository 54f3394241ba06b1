//go:build faults

package faults

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Another processor reads the same topic. It is killed again and again, and each of its events hangs or panics. The
// first must continue as if it were alone.
func TestAProcessorThatIsKilledOrHangsOrFailsDelaysNoOther(t *testing.T) {
	brokers := need(t, "FAULT_BROKERS")
	client := adminOf(t, brokers)
	r := newRandom(t)
	p := newPipeline(t, brokers, client, "several")
	makeTopics(t, client, 6, p.letters+".other")
	other := newProcess(t, "trigger of the other", binary(t, "eventctl"),
		append(p.env, "PROCESSOR=other", "FAILING=load.default"),
		"trigger", "--bootstrap", binary(t, "poisonprocessor"), "--batch-size", "500", "--batch-window", "200ms",
		"--timeout", "20s", "--session-timeout", "6s")

	ctx, cancel := context.WithTimeout(t.Context(), faultTime(t))
	defer cancel()
	posted, kills := 0, 0
	var slowest time.Duration
	for nextKill := time.Now().Add(2 * time.Second); ctx.Err() == nil; {
		for range 50 {
			id := fmt.Sprintf("s-%d", posted)
			posted++
			client.Produce(t.Context(), &kgo.Record{
				Topic: p.topic, Key: fmt.Appendf(nil, "key-%d", posted%20), Value: []byte(`{"n":1}`),
				Headers: []kgo.RecordHeader{
					{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte(id)},
					{Key: "ce_source", Value: []byte("/faults")}, {Key: "ce_type", Value: []byte("load.default")},
				},
			}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("produce: %v", err)
				}
			})
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		p.awaitDone(15 * time.Second)
		slowest = max(slowest, time.Since(start))
		if time.Now().After(nextKill) {
			kills++
			_ = other.stop(syscall.SIGKILL)
			other.start()
			nextKill = time.Now().Add(between(r, time.Second, 4*time.Second))
		}
	}
	done := 0
	for id, m := range p.remembered() {
		if m.status != "processed" || m.attempts != 1 || m.version != 1 {
			t.Errorf("%s is %s after %d attempts, written %d times", id, m.status, m.attempts, m.version)
		}
		done++
	}
	if done != posted {
		t.Errorf("the first processor is done with %d of %d events", done, posted)
	}
	if n := len(readTopic(t, brokers, client, p.letters)); n != 0 {
		t.Errorf("the first processor has %d dead letters", n)
	}
	if lag := lagOf(t, client, p.topic, group+"-other"); lag == 0 || kills == 0 {
		t.Errorf("the other is %d behind after %d kills: the test proves nothing", lag, kills)
	}
	if n := len(readTopic(t, brokers, client, p.letters+".other")); n == 0 {
		t.Error("the other has no dead letter: the test proves nothing")
	}
	t.Logf("%d events, the other killed %d times; the first was never more than %s behind", posted, kills, slowest)
}

func lagOf(t *testing.T, client *kgo.Client, topic, group string) (lag int64) {
	t.Helper()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := admin.FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := committed.Lookup(topic, end.Partition)
		lag += end.Offset - max(0, at.At)
	})
	return lag
}
