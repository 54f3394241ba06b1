//go:build faults

package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
)

// mixedTypes are mostly types without a handler, some with one, and in one of a hundred events a type that always
// fails, called poison.
func mixedTypes(r *rand.Rand) string {
	switch n := r.IntN(1000); {
	case n < 2:
		return "fault.panicking"
	case n < 5:
		return "fault.permanent"
	case n < 7:
		return "fault.failing"
	case n < 8:
		return "fault.hanging"
	case n < 108:
		return "fault.handled"
	}
	return "load.default"
}

func isPoison(eventType string) bool {
	return strings.HasPrefix(eventType, "fault.") && eventType != "fault.handled"
}

func TestEachEventTakesEffectOnceWhateverDies(t *testing.T) {
	for mode, env := range map[string]string{"on demand": "false", "provisioned": "true"} {
		t.Run(mode, func(t *testing.T) { endToEnd(t, faultTime(t)/2, "PARTIAL_BATCH_RESPONSE="+env) })
	}
}

func endToEnd(t *testing.T, lasts time.Duration, env string) {
	c := needCluster(t)
	r := newRandom(t)
	p := newPipeline(t, c.brokers, c.client, "endtoend", env)
	apiEnv := append(slices.Clone(p.env), "PUBLISH_TIMEOUT=3s")
	apis := []*apiProcess{newAPI(t, "api 1", apiEnv...), newAPI(t, "api 2", apiEnv...)}
	l := &load{
		run: "b", source: "/faults", targets: []string{apis[0].url, apis[1].url}, types: mixedTypes,
		workers: 10, rate: max(1, loadRate(t)/3), retries: 2, batches: true, ledger: newLedger(),
	}

	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var all sync.WaitGroup
	tally := make([]string, 4)
	harm := func(i int, f func(context.Context, *rand.Rand) string) {
		seed := rand.New(rand.NewPCG(r.Uint64(), uint64(i)))
		all.Go(func() { tally[i] = f(ctx, seed) })
	}
	harm(0, func(ctx context.Context, r *rand.Rand) string {
		kills, pauses := c.harm(ctx, r, p.topic, p.letters)
		return fmt.Sprintf("brokers killed %d and frozen %d times", kills, pauses)
	})
	harm(1, func(ctx context.Context, r *rand.Rand) string {
		kills, terms := harmAPIs(ctx, t, r, apis)
		return fmt.Sprintf("APIs killed %d and terminated %d times", kills, terms)
	})
	harm(2, func(ctx context.Context, r *rand.Rand) string {
		kills, terms, functions := p.harm(ctx, r)
		return fmt.Sprintf("trigger killed %d and terminated %d times, function killed %d times", kills, terms, functions)
	})
	harm(3, func(ctx context.Context, r *rand.Rand) string {
		cuts, holds := p.store.harm(ctx, r)
		return fmt.Sprintf("store cut off %d and held %d times", cuts, holds)
	})
	all.Go(func() { p.produceUndecodable(ctx) })
	p.changes.faulty.Store(true) // to the end: while brokers are away there is little to change
	l.drive(ctx, r)
	all.Wait()
	start := time.Now()
	p.awaitDone(3 * time.Minute)
	lost, failed := p.changes.lost.Load(), p.changes.failed.Load()
	if lost == 0 || failed == 0 {
		t.Errorf("of shared requests %d answers were lost and %d statements failed: want some of each", lost, failed)
	}
	t.Logf("of shared requests %d answers were lost and %d statements failed", lost, failed)
	t.Logf("faults: %s; the lag was 0 again %s after the last", strings.Join(tally, ", "),
		time.Since(start).Round(time.Second))

	records := readTopic(t, c.brokers, c.client, p.topic)
	decodable := slices.DeleteFunc(slices.Clone(records), func(r event.Record) bool { return isUndecodable(&r) })
	result := takeCensus(l.ledger, decodable)
	t.Log(result)
	for _, f := range result.faults {
		t.Error(f)
	}
	if result.accepted == 0 || result.lost > 0 {
		t.Errorf("lost %d of %d accepted events", result.lost, result.accepted)
	}
	p.checkEffects(records)
	p.checkLetters(records)
}

// produceUndecodable puts records into the topic that are not events, so that no retry helps.
func (p *pipeline) produceUndecodable(ctx context.Context) {
	for n := 0; pause(ctx, time.Second); n++ {
		p.client.Produce(context.WithoutCancel(ctx), &kgo.Record{
			Topic: p.topic, Key: []byte("undecodable"), Value: []byte{0xff, 0, byte(n)},
			Headers: []kgo.RecordHeader{{Key: "ce_id", Value: nil}, {Key: "n", Value: []byte{byte(n >> 8), byte(n), 0x80}}},
		}, nil) // a record that can't be stored is not part of the test
	}
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := p.client.Flush(flush); err != nil {
		p.t.Errorf("flush the undecodable records: %v", err)
	}
}

func isUndecodable(r *event.Record) bool { return string(r.Key) == "undecodable" }

// identity is the id by which a record is known, and the type of its event.
func identity(r *event.Record) (id, eventType string) {
	e, err := processor.Decode(r, "")
	if err != nil {
		return e.ID, "undecodable"
	}
	return e.ID, e.Type
}

// checkEffects compares the records of the topic with the outcomes in the store and the lines in the handlers' file.
func (p *pipeline) checkEffects(records []event.Record) {
	t := p.t
	t.Helper()
	complain, conclude := complaints(t)
	defer conclude()
	known := p.remembered()
	processed, deadLettered := 0, 0
	type lane struct {
		partition int32
		key       string
	}
	lanes := map[lane][]memory{}
	seen := map[string]bool{}
	for _, r := range records {
		id, eventType := identity(&r)
		if seen[id] {
			continue // a copy
		}
		seen[id] = true
		m, ok := known[id]
		switch poison := isPoison(eventType) || eventType == "undecodable"; {
		case !ok || m.status == "":
			complain("%s, a %s at %s, is not finished", id, eventType, r.Place)
		case poison && m.status != "dead-lettered", !poison && m.status != "processed":
			complain("%s, a %s at %s, is %s: %s", id, eventType, r.Place, m.status, m.reason)
		case eventType == "load.default" && (m.version != 1 || m.attempts != 1):
			complain("%s took effect more than once: it was written %d times, in %d attempts", id, m.version, m.attempts)
		case poison:
			deadLettered++
		default:
			processed++
		}
		lanes[lane{r.Partition, string(r.Key)}] = append(lanes[lane{r.Partition, string(r.Key)}], m)
	}
	for id := range known {
		if !seen[id] {
			complain("the store knows %s, which is not in the topic", id)
		}
	}
	for lane, ms := range lanes {
		slices.SortFunc(ms, func(a, b memory) int { return int(a.offset - b.offset) })
		for i := 1; i < len(ms); i++ {
			if ms[i].at.Before(ms[i-1].at) {
				complain("key %s: offset %d was done before offset %d", lane.key, ms[i].offset, ms[i-1].offset)
			}
		}
	}
	t.Logf("processed %d, dead-lettered %d of %d events in %d records; %d keys in order", processed, deadLettered,
		len(seen), len(records), len(lanes))
	p.checkHandled(records)
}

// checkHandled checks the events with a handler: each is handled at least once, and the first calls are in the order
// of each key.
func (p *pipeline) checkHandled(records []event.Record) {
	want := map[string][]string{} // ids by key, in the topic's order
	seen := map[string]bool{}
	for _, r := range records {
		if id, eventType := identity(&r); eventType == "fault.handled" && !seen[id] {
			seen[id] = true
			want[string(r.Key)] = append(want[string(r.Key)], id)
		}
	}
	got, calls := map[string][]string{}, map[string]int{}
	for _, line := range p.effected() {
		key, id, _ := strings.Cut(line, " ")
		if calls[id]++; calls[id] == 1 {
			got[key] = append(got[key], id)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("handlers were called for other events or in another order (-topic +calls):\n%.2000s", diff)
	}
	again := 0
	for _, n := range calls {
		again += n - 1
	}
	p.t.Logf("handlers were called for %d events, and %d times again, as they may be when the process dies", len(calls),
		again)
}

// checkLetters checks that the dead letter topic has each poison record once, byte for byte, and nothing else, at the
// place that the store names.
func (p *pipeline) checkLetters(records []event.Record) {
	t := p.t
	t.Helper()
	complain, conclude := complaints(t)
	defer conclude()
	known := p.remembered()
	places := map[string]event.Record{}
	missing := map[string]string{}
	for _, r := range records {
		places[r.String()] = r
		if id, eventType := identity(&r); isPoison(eventType) || eventType == "undecodable" {
			missing[id] = eventType
		}
	}
	poison := len(missing)
	letters := map[string]int{}
	kinds := map[string]int{}
	for _, letter := range readTopic(t, p.brokers, p.client, p.letters) {
		says, ok := processor.ReadDeadLetter(&letter)
		original, there := places[says.Origin.String()]
		if !ok || !there {
			complain("%s is not a dead letter of the topic: %+v", letter.Place, says)
			continue
		}
		id, eventType := identity(&original)
		kept := slices.DeleteFunc(slices.Clone(letter.Headers),
			func(h event.Header) bool { return strings.HasPrefix(h.Key, "dlq-") })
		if diff := cmp.Diff([]any{original.Key, original.Value, original.Headers}, []any{letter.Key, letter.Value, kept},
			cmpopts.EquateEmpty()); diff != "" {
			complain("the dead letter of %s has other bytes: %s", id, diff)
		}
		if letters[id]++; letters[id] == 1 {
			kinds[eventType]++
		} else {
			complain("%s, a %s, is in the dead letter topic %d times, now at %s, stored %s, failed %s after %d attempts: %s",
				id, eventType, letters[id],
				letter.Place, letter.Timestamp.Format(time.TimeOnly+".000"), says.FailedAt.Format(time.TimeOnly+".000"),
				says.Attempts, says.Error)
		}
		if m := known[id]; m.letter != letter.String() {
			complain("the dead letter of %s lies at %s, and is remembered at %s", id, letter.Place, m.letter)
		}
		if !isPoison(eventType) && eventType != "undecodable" {
			complain("%s, a %s, is in the dead letter topic: %s", id, eventType, says.Error)
		}
		delete(missing, id)
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		complain("%s, a %s, is not in the dead letter topic", id, missing[id])
	}
	t.Logf("%d poison records, each in the dead letter topic: %v", poison, kinds)
}
