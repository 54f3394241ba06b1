package processor

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/store"
)

var (
	seedFlag = flag.Uint64("seed", 0, "seed of the property test; 0: a new one")
	runsFlag = flag.Int("runs", 150, "how many topics the property test makes, each with the next seed")
)

// TestEveryRecordReachesItsEndOnceAndInOrder delivers random topics through a model of the event source mapping, in
// both of its modes, to processors whose handlers, store, dead letter topic and time fail at random; then it repairs
// the handlers and replays the dead letters, some of them twice.
func TestEveryRecordReachesItsEndOnceAndInOrder(t *testing.T) { tryTopics(t, *runsFlag, inMemory) }

// The same with the store in a table. Its client takes most of the time, so there are fewer topics.
func TestEveryRecordReachesItsEndOnceAndInOrderInATable(t *testing.T) {
	tryTopics(t, (*runsFlag+4)/5, inATable)
}

// The same for a processor with a name, whose outcomes and letters are its own.
func TestEveryRecordReachesItsEndOnceAndInOrderInATableOfSeveralProcessors(t *testing.T) {
	tryTopics(t, (*runsFlag+4)/5, func(w *world) remembering {
		w.name = "audit"
		return inATable(w).(*store.DynamoDB).Of(w.name)
	})
}

func tryTopics(t *testing.T, runs int, store func(*world) remembering) {
	first := *seedFlag
	if first == 0 {
		first = rand.Uint64N(1_000_000_000)
	}
	t.Logf("seeds %d to %d; repeat one with -seed=N -runs=1", first, first+uint64(runs)-1)
	for seed := first; seed < first+uint64(runs); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tryTopic(t, seed, store) })
		})
	}
}

func tryTopic(t *testing.T, seed uint64, store func(*world) remembering) {
	dice := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(seed, store)
	defer time.Sleep(time.Minute) // for abandoned handlers
	defer close(w.release)
	w.storeFaults = dice.IntN(2) == 0
	m := &mapping{world: w, dice: dice, committed: map[int32]int{}, cfg: Config{
		Name:        w.name,
		MaxAttempts: 3, AttemptTimeout: 500 * time.Millisecond, BackoffBase: 10 * time.Millisecond,
		BackoffCap: 100 * time.Millisecond,
		Margin:     100 * time.Millisecond, Concurrency: 1 + dice.IntN(8), PartialBatchResponse: dice.IntN(2) == 0,
		DeadLetterTopic: "events.dlq",
	}}
	w.fill(dice)
	m.deliverAll()
	w.check(m.cfg, false)

	w.mu.Lock()
	w.fixed = true
	w.mu.Unlock()
	for _, id := range sortedIdentities(w.letters) {
		for range 1 + dice.IntN(2) {
			w.appendRecord(w.letters[id][0])
		}
	}
	m.deliverAll()
	w.check(m.cfg, true)

	if len(w.violations) > 0 {
		t.Errorf("%d violations (store faults %t, partial response %t), the first:", len(w.violations), w.storeFaults,
			m.cfg.PartialBatchResponse)
		for _, v := range w.violations[:min(5, len(w.violations))] {
			t.Error(v)
		}
	}
}

// fill makes a topic of up to 3 partitions with up to 20 records each. There are few keys, some records have none, and
// some events were sent twice.
func (w *world) fill(dice *rand.Rand) {
	kinds := []string{
		"recorded", "recorded", "recorded", "ok", "ok", "slow", "slow", "late", "flaky",
		"fails", "permanent", "panics", "exits", "hangs", "undecodable", event.ForeignType,
	}
	for partition := range int32(1 + dice.IntN(3)) {
		w.topic[partition] = nil
		for range dice.IntN(20) {
			offset := int64(len(w.topic[partition]))
			kind := kinds[dice.IntN(len(kinds))]
			r := event.Record{Place: event.Place{Partition: partition}, Timestamp: time.UnixMilli(1),
				Value: fmt.Appendf(nil, "%d/%d", partition, offset)}
			if key := dice.IntN(4); key > 0 {
				r.Key = fmt.Appendf(nil, "%d-%d", partition, key)
			}
			header := func(key, value string) {
				r.Headers = append(r.Headers, event.Header{Key: key, Value: []byte(value)})
			}
			switch kind {
			case event.ForeignType:
			case "undecodable":
				header("ce_id", "1")
			default:
				header("ce_specversion", "1.0")
				header("ce_id", fmt.Sprintf("%s %d/%d", kind, partition, offset))
				header("ce_source", "/test")
				header("ce_type", kind)
			}
			w.appendRecord(r)
			last := w.topic[partition][offset]
			w.kinds[identityOf(last)] = kind
			if kind != event.ForeignType && kind != "undecodable" && dice.IntN(8) == 0 {
				w.appendRecord(last)
			}
		}
	}
}

// check checks the end of every record.
func (w *world) check(cfg Config, replayed bool) {
	for _, id := range sortedIdentities(w.kinds) {
		kind := w.kinds[id]
		o, known, _ := w.mem.Outcome(context.Background(), id)
		w.mu.Lock() // abandoned handlers may still end
		calls, successes, letters := w.calls[id], w.successes[id], w.letters[id]
		w.mu.Unlock()
		tell := func(want string) {
			w.violated("%s %s: %d calls, %d successes, %d dead letters, outcome %+v; want %s (replayed %t)", kind, id.ID, calls,
				successes, len(letters), o, want, replayed)
		}
		processed, deadLettered := o.Status == event.StatusProcessed, o.Status == event.StatusDeadLettered
		wantLetters := 0
		if deadLettered || o.Hops > 0 {
			wantLetters = 1
		}
		if deadLettered && o.Hops > 0 {
			wantLetters = 2
		}
		switch {
		case !known:
			tell("an outcome")
		case len(letters) != wantLetters:
			tell(fmt.Sprintf("%d dead letters", wantLetters))
		case kind == "recorded" && (!processed || w.recorded[id] != 1 || calls != 0):
			tell("recorded once")
		case (kind == "ok" || kind == event.ForeignType) && (!processed || o.Hops != 0 || successes == 0):
			tell("processed")
		case kind == "undecodable" && (!deadLettered || calls != 0 || o.Attempts != 0):
			tell("dead-lettered without a call")
		case !replayed &&
			(kind == "fails" || kind == "permanent" || kind == "panics" || kind == "exits" || kind == "hangs") && !deadLettered:
			tell("dead-lettered")
		case replayed && kind != "undecodable" && !processed:
			tell("processed in the end")
		case o.Hops == 0 && calls > cfg.MaxAttempts:
			tell("no more calls than attempts")
		case !w.storeFaults && o.Hops == 0 && (kind == "fails" || kind == "panics" || kind == "exits" || kind == "hangs") &&
			calls != cfg.MaxAttempts:
			tell("all attempts")
		case !w.storeFaults && processed && kind != "recorded" && kind != "late" && successes != 1:
			tell("one success")
		}
		for _, letter := range letters {
			w.checkBytes(id, letter)
		}
		if last := len(letters) - 1; deadLettered && last >= 0 &&
			o.Letter != (event.Place{Topic: "events.dlq", Partition: letters[last].Partition, Offset: letters[last].Offset}) {
			tell(fmt.Sprintf("the place of the last letter, %d", letters[last].Offset))
		}
	}
}

// checkBytes compares a dead letter with the record of the topic that it is made of.
func (w *world) checkBytes(id event.Identity, letter event.Record) {
	for _, records := range w.topic {
		for _, r := range records {
			if identityOf(r) == id && bytes.Equal(r.Key, letter.Key) && bytes.Equal(r.Value, letter.Value) &&
				len(letter.Headers)-len(deadLetterHeaders) <= len(r.Headers) {
				return
			}
		}
	}
	w.violated("dead letter of %s has key %q and value %q, as no record of it has", id.ID, letter.Key, letter.Value)
}
