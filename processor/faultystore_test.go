package processor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/event"
)

// slowStore takes 5 ms a call, as DynamoDB does.
type slowStore struct{ Store }

func (s slowStore) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	time.Sleep(5 * time.Millisecond)
	return s.Store.Begin(ctx, c)
}

func (s slowStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	time.Sleep(5 * time.Millisecond)
	return s.Store.Finish(ctx, c, o)
}

func TestTwoConsumersWithOneRecordDoItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		var calls atomic.Int64
		r.mux.HandleFunc("slow", func(context.Context, event.Event) error {
			calls.Add(1)
			time.Sleep(time.Second)
			return nil
		})
		r.mux.HandleFunc("bad", func(context.Context, event.Event) error { return Permanent(errNo) })
		in := batchOf(record(1, "k", "1", "slow"), record(2, "k", "2", "bad"), record(3, "k", "3", "other"),
			record(4, "l", "1", "slow"))
		r.build(t)
		var consumers sync.WaitGroup
		for range 3 {
			consumers.Go(func() {
				if _, err := r.deliver(t.Context(), t, in); err != nil {
					t.Error(err)
				}
			})
		}
		consumers.Wait()
		if calls.Load() != 1 || r.dead.Len() != 1 {
			t.Errorf("%d calls and %d dead letters, want 1 and 1", calls.Load(), r.dead.Len())
		}
	})
}

// brokenStore fails in the calls that fails chooses.
type brokenStore struct {
	Store
	fails func(call string) bool
}

var errStore = errors.New("no table")

func (s brokenStore) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	if s.fails("begin") {
		return event.Reply{}, errStore
	}
	return s.Store.Begin(ctx, c)
}

func (s brokenStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	if s.fails("finish") {
		return event.Reply{}, errStore
	}
	return s.Store.Finish(ctx, c, o)
}

func TestABrokenStoreFailsTheBatchAndNoEvent(t *testing.T) {
	for _, broken := range []string{"begin", "finish"} {
		t.Run(broken, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				down := true
				r.store = brokenStore{r.mem, func(call string) bool { return down && call == broken }}
				h, calls := failing(0, nil)
				r.mux.Handle("handled", h)
				in := batchOf(record(1, "k", "1", "handled"))
				if broken == "finish" {
					in = batchOf(record(1, "k", "1", "recorded"))
				}
				for range 10 {
					if _, err := r.deliver(invocation(t, time.Minute), t, in); !errors.Is(err, errStore) {
						t.Fatalf("error is %v, want the store's", err)
					}
				}
				down = false
				if _, err := r.deliver(invocation(t, time.Minute), t, in); err != nil {
					t.Fatal(err)
				}
				if o := r.outcome(t, "/test", "1"); o.Status != event.StatusProcessed || r.dead.Len() != 0 || calls.Load() > 1 {
					t.Errorf("outcome %+v, %d dead letters, %d calls; want processed once", o, r.dead.Len(), calls.Load())
				}
			})
		})
	}
}

// unreadable has another program's item under every identity.
type unreadable struct{ Store }

func (unreadable) Begin(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{}, fmt.Errorf("claim event: %w", event.ErrUnreadable)
}

func (unreadable) Finish(context.Context, event.Claim, event.Outcome) (event.Reply, error) {
	return event.Reply{}, fmt.Errorf("save outcome: %w", event.ErrUnreadable)
}

func TestAnUnreadableItemMakesADeadLetterAndDelaysNoOtherEvent(t *testing.T) {
	r := newRig()
	r.store = unreadable{r.mem}
	h, calls := failing(0, nil)
	r.mux.Handle("handled", h)
	in := batchOf(record(1, "k", "1", "handled"), record(2, "k", "2", "recorded"), record(3, "k", "3", ""))
	if _, err := r.deliver(t.Context(), t, in); err != nil {
		t.Fatal(err)
	}
	letters := r.dead.all()
	if len(letters) != 3 || calls.Load() != 0 {
		t.Fatalf("%d dead letters, %d calls of the handler; want 3 and none, as the event may have taken effect",
			len(letters), calls.Load())
	}
	if why := lastHeader(&letters[0], headerError); !strings.Contains(why, event.ErrUnreadable.Error()) {
		t.Errorf("the letter says %q", why)
	}
}

func TestAHiccupOfTheStoreRepeatsNoHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		calls := map[string]int{}
		r.store = brokenStore{r.mem, func(call string) bool {
			calls[call]++
			return calls[call] < 4
		}}
		h, handled := failing(0, nil)
		r.mux.Handle("a", h)
		if _, err := r.deliver(invocation(t, time.Minute), t, batchOf(record(1, "k", "1", "a"))); err != nil ||
			handled.Load() != 1 {
			t.Errorf("error %v after %d calls, want one call", err, handled.Load())
		}
	})
}
