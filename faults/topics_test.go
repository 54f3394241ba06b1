//go:build faults

package faults

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

// Events of one type go to a topic of their own, whose processor hangs or panics at each of them. Events of the other
// type must be processed as if the second topic did not exist, and both topics must have all that the API accepted.
func TestAProcessorThatHangsDelaysNoEventOfAnotherTopic(t *testing.T) {
	brokers := need(t, "FAULT_BROKERS")
	client := adminOf(t, brokers)
	r := newRandom(t)
	p := newPipeline(t, brokers, client, "topics")
	second := p.topic + ".second"
	makeTopics(t, client, 6, second, p.letters+".other")
	env := append(slices.Clone(p.env), "TOPIC_ROUTES=load.second="+second)
	api := newAPI(t, "api", env...)
	newProcess(t, "trigger of the other", binary(t, "eventctl"),
		append(env, "PROCESSOR_TOPICS=other="+second, "PROCESSOR=other", "FAILING=load.second"),
		"trigger", "--bootstrap", binary(t, "poisonprocessor"), "--batch-size", "500", "--batch-window", "200ms",
		"--timeout", "20s", "--session-timeout", "6s")
	l := &load{
		run: "t", source: "/faults", targets: []string{api.url}, workers: 10, rate: loadRate(t), retries: 2, batches: true,
		types: func(r *rand.Rand) string {
			if r.IntN(2) == 0 {
				return "load.second"
			}
			return "load.default"
		},
		ledger: newLedger(),
	}
	ctx, cancel := context.WithTimeout(t.Context(), faultTime(t))
	defer cancel()
	l.drive(ctx, r)
	start := time.Now()
	p.awaitDone(15 * time.Second)
	behind, lag := time.Since(start), lagOf(t, client, second, group+"-other")

	first, others := readTopic(t, brokers, client, p.topic), readTopic(t, brokers, client, second)
	result := takeCensus(l.ledger, slices.Concat(first, others))
	t.Logf("%s; the first was %s behind at the end, the other %d events", result, behind.Round(time.Millisecond), lag)
	for _, f := range result.faults {
		t.Error(f)
	}
	if result.accepted == 0 || result.lost > 0 {
		t.Errorf("lost %d of %d accepted events", result.lost, result.accepted)
	}
	for eventType, records := range map[string][]event.Record{"load.default": first, "load.second": others} {
		for _, record := range records {
			if e, err := event.FromRecord(&record); err != nil || e.Type != eventType {
				t.Errorf("%s has type %q, want %q (%v)", record.Place, e.Type, eventType, err)
			}
		}
	}
	done := p.remembered()
	for _, record := range first {
		e, _ := event.FromRecord(&record)
		if m := done[e.ID]; m.status != "processed" || m.attempts != 1 {
			t.Errorf("%s is %q after %d attempts", e.ID, m.status, m.attempts)
		}
	}
	if lag == 0 {
		t.Error("the other was not behind: the test proves nothing")
	}
	if n := len(readTopic(t, brokers, client, p.letters)); n != 0 {
		t.Errorf("the first processor has %d dead letters", n)
	}
	if n := len(readTopic(t, brokers, client, p.letters+".other")); n == 0 {
		t.Error("the other has no dead letter: the test proves nothing")
	}
}
