package processor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/store"
	"event-processing-service/internal/store/tabletest"
)

// world is the processor's surroundings in the property test: handlers, a store and a dead letter topic that fail at
// random. Each random number depends on the seed and on its purpose, not on which goroutine comes first. world also
// checks the processor's promises.
type world struct {
	seed        uint64
	name        string // of the processor
	storeFaults bool
	mem         remembering
	release     chan struct{} // ends hanging handlers

	mu         sync.Mutex
	fixed      bool                     // handlers succeed from now on, as after a repair
	topic      map[int32][]event.Record // by partition; the index is the offset
	kinds      map[event.Identity]string
	throws     map[string]uint64
	calls      map[event.Identity]int
	successes  map[event.Identity]int
	running    map[event.Identity]int
	recorded   map[event.Identity]int // outcomes that were written without a claim
	letters    map[event.Identity][]event.Record
	stored     int64 // dead letters
	readings   int   // of the dead letter topic
	violations []string
}

// remembering is a store that can return outcomes.
type remembering interface {
	Store
	Outcome(context.Context, event.Identity) (event.Outcome, bool, error)
}

// inMemory is the store without faults of its own.
func inMemory(*world) remembering { return store.NewMemory(store.DefaultRetention) }

// inATable is DynamoDB's store, whose changes share requests. If the store has faults, some statements fail, each for
// its own event: most of them at once, a few for lack of capacity, because the pause after that is longer than the
// margins of this test.
func inATable(w *world) remembering {
	table := &tabletest.Table{Fault: func(r tabletest.Request) (f tabletest.Fault) {
		if !w.storeFaults || r.Operation != "BatchExecuteStatement" {
			return f
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		f.Statements = map[int]string{}
		for i, key := range r.Keys {
			switch w.throw(100, "statement fails", event.Identity{ID: key}) {
			case 0:
				f.Statements[i] = "ThrottlingError"
			case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10:
				f.Statements[i] = "ValidationError"
			}
		}
		return f
	}}
	return store.NewDynamoDB(table.Config(), "events", store.DefaultRetention)
}

func newWorld(seed uint64, store func(*world) remembering) *world {
	w := &world{
		seed: seed, release: make(chan struct{}),
		topic: map[int32][]event.Record{}, kinds: map[event.Identity]string{}, throws: map[string]uint64{},
		calls: map[event.Identity]int{}, successes: map[event.Identity]int{}, running: map[event.Identity]int{},
		recorded: map[event.Identity]int{}, letters: map[event.Identity][]event.Record{},
	}
	w.mem = store(w)
	return w
}

func (w *world) violated(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

// throw returns a random number below n. The caller holds mu.
func (w *world) throw(n uint64, what string, id event.Identity) uint64 {
	thrown := what + id.Source + id.ID
	w.throws[thrown]++
	h := fnv.New64a()
	fmt.Fprint(h, w.seed, thrown, w.throws[thrown])
	return h.Sum64() >> 8 % n
}

// happens returns true in percent of 100 cases.
func (w *world) happens(percent uint64, what string, id event.Identity) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.throw(100, what, id) < percent
}

func identityOf(r event.Record) event.Identity {
	e, _ := Decode(&r, "")
	return e.Identity()
}

func (w *world) ended(id event.Identity) bool {
	_, known, _ := w.mem.Outcome(context.Background(), id)
	return known
}

// checkOrder reports work on a record before those ahead of it with the same key have reached their end.
func (w *world) checkOrder(doing string, partition int32, offset int64) {
	w.mu.Lock()
	ahead := w.topic[partition][:offset]
	key := w.topic[partition][offset].Key
	w.mu.Unlock()
	for _, r := range ahead {
		if len(key) > 0 && string(r.Key) == string(key) && !w.ended(identityOf(r)) {
			w.violated("%s of %d/%d before the end of %d/%d, both with key %s", doing, partition, offset, r.Partition,
				r.Offset, key)
		}
	}
}

// handler behaves as the event's kind says.
func (w *world) handler(kind string) HandlerFunc {
	return func(ctx context.Context, e event.Event) (err error) {
		id := e.Identity()
		var partition int32
		var offset int64
		if _, err := fmt.Sscanf(string(e.Data), "%d/%d", &partition, &offset); err != nil {
			w.violated("data of %s is %q", id.ID, e.Data)
			return nil
		}
		w.checkOrder("attempt", partition, offset)
		does, leftBehind := kind, kind == "hangs" || kind == "late"
		w.mu.Lock()
		w.calls[id]++
		w.running[id]++
		calls, running, pause := w.calls[id], w.running[id], time.Duration(w.throw(400, "pause", id))*time.Millisecond
		if w.fixed {
			does = "ok"
		}
		w.mu.Unlock()
		if running > 1 && !leftBehind {
			w.violated("%d attempts at %s at once", running, id.ID)
		}
		returned := false
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.running[id]--
			if returned && err == nil {
				w.successes[id]++
			}
		}()
		err = w.behave(ctx, does, calls, pause)
		clear(e.Data) // the data is the handler's own
		returned = true
		return err
	}
}

func (w *world) behave(ctx context.Context, kind string, calls int, pause time.Duration) error {
	switch kind {
	case "slow":
		if !pauseFor(ctx, pause) {
			return ctx.Err()
		}
	case "late": // ignores its context, and takes up to twice the time of an attempt
		time.Sleep(pause * 5 / 2)
	case "flaky":
		if calls == 1 {
			return errors.New("not yet")
		}
	case "fails":
		return errors.New("never")
	case "permanent":
		return fmt.Errorf("refuse: %w", Permanent(errors.New("not this one")))
	case "panics":
		panic("no")
	case "exits":
		runtime.Goexit()
	case "hangs":
		<-w.release
		return errors.New("released")
	}
	return nil
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// Publish and Since are the dead letter topic. A letter may be stored although Publish fails.
func (w *world) Publish(_ context.Context, letter event.Record) (event.Place, error) {
	r := letter
	r.Topic = "events"
	id := identityOf(r)
	if w.happens(20, "publish fails", id) {
		return event.Place{}, errors.New("no leader")
	}
	w.mu.Lock()
	letter.Offset, letter.Timestamp = w.stored, time.Now()
	w.stored++
	w.letters[id] = append(w.letters[id], letter)
	w.mu.Unlock()
	if w.happens(20, "publish is lost", id) {
		return event.Place{}, errors.New("no answer")
	}
	return letter.Place, nil
}

// Every second reading breaks off.
func (w *world) Since(_ context.Context, since time.Time) iter.Seq2[event.Record, error] {
	w.mu.Lock()
	defer w.mu.Unlock()
	var letters []event.Record
	for _, id := range sortedIdentities(w.letters) {
		for _, letter := range w.letters[id] {
			if !letter.Timestamp.Before(since) {
				letters = append(letters, letter)
			}
		}
	}
	w.readings++
	breaks := w.readings%2 == 1
	return func(yield func(event.Record, error) bool) {
		for i, letter := range letters {
			if breaks && i >= len(letters)/2 {
				break
			}
			if !yield(letter, nil) {
				return
			}
		}
		if breaks {
			yield(event.Record{}, errors.New("no leader"))
		}
	}
}

func (w *world) processor(cfg Config) *Processor {
	var mux Mux
	for _, kind := range []string{"ok", "slow", "late", "flaky", "fails", "permanent", "panics", "exits", "hangs",
		event.ForeignType} {
		mux.Handle(kind, w.handler(kind))
	}
	p, err := New(cfg, &mux, w, w, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	p.jitter = func(d time.Duration) time.Duration { return d/2 + 1 }
	return p
}

// sortedIdentities gives every run the same order.
func sortedIdentities[V any](m map[event.Identity]V) []event.Identity {
	return slices.SortedFunc(maps.Keys(m),
		func(a, b event.Identity) int { return cmp.Compare(a.Source+a.ID, b.Source+b.ID) })
}
