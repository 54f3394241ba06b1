package processor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
)

// killed is a store that fails once there is a dead letter: as if the process that wrote the letter died before it
// could remember it.
type killed struct {
	Store
	dead bool
}

func (k *killed) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	if k.dead = k.dead || o.Status == event.StatusDeadLettered; k.dead {
		return event.Reply{}, errors.New("killed")
	}
	return k.Store.Finish(ctx, c, o)
}

func (k *killed) Release(ctx context.Context, c event.Claim, attempts int, reason string) error {
	if k.dead {
		return errors.New("killed")
	}
	return k.Store.Release(ctx, c, attempts, reason)
}

// die processes a batch and dies between writing the dead letters and remembering them.
func (r *rig) die(t *testing.T, in events.KafkaEvent) {
	t.Helper()
	r.store, r.p = &killed{Store: r.mem}, nil
	if _, err := r.deliver(invocation(t, time.Minute), t, in); err == nil {
		t.Fatal("the process lives")
	}
	r.store, r.p = r.mem, nil
}

func TestADeadLetterOfAProcessThatDiedIsRememberedAndNotStoredAgain(t *testing.T) {
	withoutID := payloadRecord(event.Record{Place: event.Place{Topic: "events", Offset: 1}, Value: []byte("hello")})
	for name, test := range map[string]struct {
		record     events.KafkaRecord
		source, id string
		attempts   int
	}{
		"an event":                             {record(1, "k", "1", event.ForeignType), "/test", "1", 5},
		"an event that is its position":        {withoutID, "/kafka/events", "events/0/1", 5},
		"a record that is not an event at all": {record(1, "k", "1", ""), "/kafka/events", "events/0/1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				h, calls := failing(100, errNo)
				r.mux.Handle(event.ForeignType, h)
				for hops := range 2 { // the second time with the replay of the letter
					one := test.record
					if hops == 1 {
						one = payloadRecord(r.replay(0, 7))
					}
					in := batchOf(one, record(8, "k", fmt.Sprint("behind ", hops), "other"))
					r.die(t, in)
					r.die(t, in)
					if _, err := r.deliver(invocation(t, 14*time.Minute), t, in); err != nil {
						t.Fatal(err)
					}
					o := r.outcome(t, test.source, test.id)
					if r.dead.Len() != hops+1 || o.Status != event.StatusDeadLettered ||
						o.Letter != (event.Place{Topic: "events.dlq", Partition: 2, Offset: int64(hops)}) {
						t.Fatalf("%d dead letters, outcome %+v; want %d, and where the last one lies", r.dead.Len(), o, hops+1)
					}
					letter := r.dead.all()[hops]
					if o.Attempts != test.attempts || o.Reason != lastHeader(&letter, headerError) || o.Hops != hops {
						t.Errorf("outcome is %+v, want what the letter says: %v", o, letter.Headers)
					}
					if int(calls.Load()) != test.attempts*(hops+1) {
						t.Errorf("%d calls of the handler, want %d in each try", calls.Load(), test.attempts)
					}
				}
			})
		})
	}
}

func TestADeadLetterThatIsStoredWithoutAnAnswerIsNotStoredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		h, _ := failing(100, Permanent(errNo))
		r.mux.Handle("bad", h)
		r.dead.forget = func(event.Record) error { return errors.New("no answer") }
		in := batchOf(record(1, "k", "1", "bad"))
		for range 3 {
			if _, err := r.deliver(invocation(t, time.Minute), t, in); err != nil {
				time.Sleep(time.Second)
			}
		}
		if o := r.outcome(t, "/test", "1"); r.dead.Len() != 1 || o.Status != event.StatusDeadLettered {
			t.Errorf("%d dead letters, outcome %+v; want 1", r.dead.Len(), o)
		}
	})
}

func TestTheDeadLetterTopicIsNotReadForRecordsOfTheSameProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		h, _ := failing(100, errNo)
		r.mux.Handle("bad", h)
		good, _ := failing(1, errNo)
		r.mux.Handle("good", good)
		in := batchOf(record(1, "k", "1", "bad"), record(2, "l", "2", "good"), record(3, "m", "3", "other"),
			record(4, "n", "4", ""))
		if _, err := r.deliver(invocation(t, time.Minute), t, in); err != nil || r.dead.Len() != 2 {
			t.Fatalf("%v, %d dead letters", err, r.dead.Len())
		}
		if len(r.dead.readings) != 0 {
			t.Errorf("it was read %d times", len(r.dead.readings))
		}
	})
}

func TestTheDeadLetterTopicIsReadOnceForAllThatWereTakenOver(t *testing.T) {
	r := newRig() // with a real clock: in a synctest everything happens in one moment
	r.cfg.BackoffBase, r.cfg.BackoffCap = time.Millisecond, time.Millisecond
	began := make(chan struct{}, 20)
	all := make(chan struct{})
	fails := func(context.Context, event.Event) error {
		began <- struct{}{}
		<-all
		return Permanent(errNo)
	}
	r.mux.HandleFunc("bad", fails)
	var records []events.KafkaRecord
	for i := range 20 {
		id := fmt.Sprint(i)
		records = append(records, record(int64(i), id, id, "bad"))
		dead := event.Claim{Identity: event.Identity{Source: "/test", ID: id}, Owner: "died", Lease: time.Nanosecond}
		if _, err := r.mem.Begin(t.Context(), dead); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		for range 20 {
			<-began
		}
		time.Sleep(time.Millisecond) // so that all are claimed before, by the clock as well
		close(all)
	}()
	if _, err := r.deliver(t.Context(), t, batchOf(records...)); err != nil || r.dead.Len() != 20 {
		t.Fatalf("%v, %d dead letters, want 20", err, r.dead.Len())
	}
	if len(r.dead.readings) != 1 {
		t.Errorf("it was read %d times", len(r.dead.readings))
	}
}

func TestADeadLetterIsStoredAgainAfterSomeDeliveriesWhereTheTopicCannotBeRead(t *testing.T) {
	for name, unreadable := range map[string]func(context.Context, int) error{
		"at all": func(context.Context, int) error { return errors.New("no right") },
		"for long": func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				in := batchOf(record(1, "k", "1", ""))
				r.die(t, in)
				time.Sleep(r.cfg.lease())
				r.dead.unreadable = unreadable
				deliveries := 0
				for r.outcome(t, "/kafka/events", "events/0/1").Status == "" {
					if deliveries++; r.dead.Len() != 1 || deliveries > blindAfter*r.cfg.MaxAttempts {
						t.Fatalf("%d dead letters before delivery %d", r.dead.Len(), deliveries)
					}
					start := time.Now()
					_, _ = r.deliver(invocation(t, time.Minute), t, in) // the error says the same as the outcome
					if took := time.Since(start); took > r.cfg.Margin {
						t.Errorf("delivery %d took %s", deliveries, took)
					}
				}
				if r.dead.Len() != 2 || deliveries != blindAfter*r.cfg.MaxAttempts-1 {
					t.Errorf("%d dead letters after %d deliveries, want a second rather than none", r.dead.Len(), deliveries)
				}
			})
		})
	}
}

func TestADeadLetterIsFoundOnceTheTopicCanBeReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		in := batchOf(record(1, "k", "1", ""), record(2, "k", "2", "other"))
		r.die(t, in)
		time.Sleep(r.cfg.lease())
		r.dead.unreadable = func(context.Context, int) error { return errors.New("no leader") }
		if _, err := r.deliver(invocation(t, time.Minute), t, in); err == nil ||
			!strings.Contains(err.Error(), "look for dead letter of an earlier attempt: no leader") {
			t.Fatalf("the batch ends with %v", err)
		}
		r.dead.unreadable = nil
		if _, err := r.deliver(invocation(t, time.Minute), t, in); err != nil || r.dead.Len() != 1 {
			t.Errorf("%v, %d dead letters, want the one that was there", err, r.dead.Len())
		}
	})
}

func TestALetterThatIsReadBeforeTheTopicFailsIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.die(t, batchOf(record(1, "k", "1", "")))
		time.Sleep(r.cfg.lease())
		r.dead.unreadable = func(_ context.Context, n int) error {
			if n > 0 {
				return errors.New("no leader")
			}
			return nil
		}
		r.dead.records = append(r.dead.records, event.Record{Place: event.Place{Topic: "events.dlq"}, Timestamp: time.Now()})
		if _, err := r.deliver(invocation(t, time.Minute), t, batchOf(record(1, "k", "1", ""))); err != nil ||
			r.dead.Len() != 2 {
			t.Errorf("%v, %d records in the topic, want those 2 that were there", err, r.dead.Len())
		}
	})
}

func TestADeadLetterOfAProcessThatDiedSaysWhyTheAttemptBeforeFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.MaxAttempts = 2
		world := &killed{Store: r.mem}
		calls := 0
		r.mux.HandleFunc("bad", func(context.Context, event.Event) error {
			calls++
			world.dead = calls == 2 // the attempt ends the process
			return errNo
		})
		in := batchOf(record(1, "k", "1", "bad"))
		r.store = world
		if _, err := r.deliver(invocation(t, time.Minute), t, in); err == nil {
			t.Fatal("the process lives")
		}
		r.store, r.p = r.mem, nil
		r.dead.records = nil // the process died before it wrote its letter
		if _, err := r.deliver(invocation(t, 14*time.Minute), t, in); err != nil {
			t.Fatal(err)
		}
		if o := r.outcome(t, "/test", "1"); calls != 2 || r.dead.Len() != 1 || o.Reason != "no" {
			t.Errorf("%d calls, %d dead letters, outcome %+v; want the reason of the first attempt", calls, r.dead.Len(), o)
		}
	})
}

// Clocks differ, so a letter may seem older than the work that ended in it. That must not matter, in the first lookup
// and in the second.
func TestALetterOfALateClockIsFoundByTheSecondLookup(t *testing.T) {
	now := time.Now()
	old := event.Record{Place: event.Place{Topic: "events", Offset: 1}, Value: []byte("x")}
	letter := newDeadLetter(&old, "events.dlq", failure{err: "no", attempts: 5, at: now})
	letter.Timestamp = now.Add(-10 * time.Second)
	dead := &topicFake{records: []event.Record{letter}}
	b := &earlierLetters{dead: dead, slack: 45 * time.Second, turn: make(chan struct{}, 1), known: map[try]earlierLetter{}}
	other := try{event.Identity{Source: "/test", ID: "other"}, 1}
	if _, found, err := b.find(t.Context(), other, now.Add(40*time.Second), now.Add(41*time.Second)); found || err != nil {
		t.Fatalf("found %t, %v", found, err)
	}
	of := try{event.Identity{Source: "/kafka/events", ID: "events/0/1"}, 1}
	if _, found, err := b.find(t.Context(), of, now, now.Add(time.Second)); !found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
}
