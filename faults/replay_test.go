//go:build faults

package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/kafka"
)

func TestAReplayThatIsKilledHalfWayAndRunAgainProcessesAllOnce(t *testing.T) {
	brokers := need(t, "FAULT_BROKERS")
	client := adminOf(t, brokers)
	r := newRandom(t)
	p := newPipeline(t, brokers, client, "replay")
	const events = 600

	// The handlers' dependency is broken, so all events become dead letters.
	for n := range events {
		client.Produce(t.Context(), &kgo.Record{
			Topic: p.topic, Key: fmt.Appendf(nil, "key-%d", n%20), Value: fmt.Appendf(nil, `{"n": %d }`, n),
			Headers: []kgo.RecordHeader{
				{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: fmt.Appendf(nil, "c-%d", n)},
				{Key: "ce_source", Value: []byte("/faults")}, {Key: "ce_type", Value: []byte("fault.fixable")},
				{Key: "ce_subject", Value: fmt.Appendf(nil, "key-%d", n%20)}, {Key: "content-type",
					Value: []byte("application/json")},
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
	p.awaitDone(time.Minute)
	p.checkLetters(readTopic(t, brokers, client, p.topic))
	if got := len(readTopic(t, brokers, client, p.letters)); got != events {
		t.Fatalf("%d dead letters, want %d: nothing died, so each is there once", got, events)
	}

	// It is repaired, and the letters are replayed. The first replays are killed midway.
	if err := os.WriteFile(p.fixed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
		replay := newProcess(t, "replay", binary(t, "eventctl"), p.env, "dlq", "replay", "--yes", "--rate", "200")
		time.Sleep(between(r, 300*time.Millisecond, 900*time.Millisecond))
		if err := replay.stop(sig); err == nil {
			t.Fatal("the replay ended before it was killed")
		}
		p.forgetSomeOfTheReplay(20)
	}
	last := p.eventctl("dlq", "replay", "--yes")
	p.awaitDone(time.Minute)

	again := len(readTopic(t, brokers, client, p.topic)) - events
	calls := map[string]int{}
	for _, line := range p.effected() {
		_, id, _ := strings.Cut(line, " ")
		calls[id]++
	}
	twice, processed := 0, 0
	for _, n := range calls {
		if n > 1 {
			twice++
		}
	}
	for id, m := range p.remembered() {
		if m.status == "processed" && m.hops == 1 {
			processed++
		} else {
			t.Errorf("%s is %q after %d hops: %s", id, m.status, m.hops, m.reason)
		}
	}
	t.Logf("%d dead letters, %d records came back, %d events processed, %d lost, %d twice; the last run said: %s",
		events, again, processed, events-len(calls), twice, last[strings.LastIndex(strings.TrimSpace(last), "\n")+1:])
	if len(calls) != events || twice != 0 || processed != events {
		t.Errorf("the handler was called for %d of %d events, for %d more than once", len(calls), events, twice)
	}
	// A letter that a later run meets again is published again, or refused because it has been processed since.
	if again == events && strings.Contains(last, " 0 refused") {
		t.Error("no letter was looked at twice: the test proves nothing")
	}

	// A further run finds nothing to do, and nothing was dead-lettered again.
	var account struct{ Replayed int }
	if err := json.Unmarshal([]byte(p.stdout("dlq", "replay", "--yes", "--output", "json")),
		&account); err != nil || account.Replayed != 0 {
		t.Errorf("a later run replayed %d letters: %v", account.Replayed, err)
	}
	if got := len(readTopic(t, brokers, client, p.letters)); got != events {
		t.Errorf("%d dead letters, want %d", got, events)
	}
}

// forgetSomeOfTheReplay resets the replay's position in each partition, as if a run died after it published letters
// and before it stored the position. A kill would hardly ever hit that short moment.
func (p *pipeline) forgetSomeOfTheReplay(letters int64) {
	p.t.Helper()
	positions, err := kafka.Positions(p.t.Context(), p.client, "eventctl-dlq-replay", p.letters)
	if err != nil {
		p.t.Fatal(err)
	}
	for partition, at := range positions {
		positions[partition] = max(0, at-letters)
	}
	if err := kafka.SetPositions(p.t.Context(), p.client, "eventctl-dlq-replay", p.letters, positions); err != nil {
		p.t.Fatal(err)
	}
}

// stdout runs the tool and returns the first line of its output that is JSON.
func (p *pipeline) stdout(args ...string) string {
	p.t.Helper()
	for line := range strings.Lines(p.eventctl(args...)) {
		if strings.HasPrefix(line, "{") {
			return line
		}
	}
	return ""
}
