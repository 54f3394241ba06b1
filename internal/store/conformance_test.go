package store

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

type anyStore interface {
	Begin(context.Context, event.Claim) (event.Claim, error)
	Finish(context.Context, event.Claim, event.Outcome) (event.Claim, error)
	Outcome(context.Context, event.Identity) (event.Outcome, bool, error)
	Check(context.Context) error
}

// storeTest is one event in the store under test. Its id is new each time, so that the tests can share a table.
type storeTest struct {
	*testing.T
	store anyStore
	id    event.Identity
}

// testStore is the suite that every store must pass. open returns a store with that retention.
func testStore(t *testing.T, open func(t *testing.T, retention time.Duration) anyStore) {
	for name, test := range map[string]func(t storeTest){
		"a new event is granted to its first consumer":                 testFirstClaim,
		"a held event is refused, and granted when the lease ends":     testLeaseEnds,
		"an owner goes on with its lease":                              testOwnerGoesOn,
		"a finished event is done for everybody":                       testFinished,
		"an event given back is granted at once, its attempts counted": testGivenBack,
		"an attempt that does not count can be given back":             testUncounted,
		"it is known when work on a record began for the first time":   testBegan,
		"it is known why the last attempt failed that came to its end": testReason,
		"finishing without a claim is one write that the first wins":   testRecordOnly,
		"finishing without a claim does not break a lease":             testRecordOnlyHeld,
		"a dead letter is done until it is replayed":                   testReplay,
		"an earlier outcome stands while its replay is worked on":      testReplayKeepsOutcome,
		"the original is done while its replay is worked on":           testOriginalBehindReplay,
		"a consumer that lost its lease changes nothing":               testLostLease,
		"a lease that ended unnoticed can still be finished":           testLateFinish,
		"a call whose answer was lost can be made again":               testLostAnswer,
		"of many consumers at once one is granted":                     testManyBegin,
		"of many writers at once one is first":                         testManyFinish,
		"events are told apart by source and id":                       testIdentities,
		"texts without bounds are shortened":                           testShortened,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(storeTest{t, open(t, time.Hour), event.Identity{Source: "/test", ID: rand.Text()}})
		})
	}
	t.Run("an event is forgotten after its retention", func(t *testing.T) {
		t.Parallel()
		testRetention(storeTest{t, open(t, time.Second), event.Identity{Source: "/test", ID: rand.Text()}})
	})
}

func (t storeTest) begin(c event.Claim) event.Claim {
	t.Helper()
	c.Identity = t.id
	if c.Lease == 0 {
		c.Lease = time.Minute
	}
	got, err := t.store.Begin(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (t storeTest) finish(c event.Claim, o event.Outcome) event.Claim {
	t.Helper()
	c.Identity, o.Identity, o.Hops = t.id, t.id, c.Hops
	got, err := t.store.Finish(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// want checks the state of a claim, and the attempt of one that was granted.
func (t storeTest) want(c event.Claim, state event.ClaimState, attempt int) {
	t.Helper()
	if c.State != state || state == event.ClaimGranted && c.Attempt != attempt {
		t.Fatalf("claim is in state %d at attempt %d, want %d at %d", c.State, c.Attempt, state, attempt)
	}
}

func (t storeTest) wantOutcome(want event.Outcome) {
	t.Helper()
	got, known, err := t.store.Outcome(t.Context(), t.id)
	if err != nil {
		t.Fatal(err)
	}
	if known != (want.Status != event.StatusUnfinished) {
		t.Fatalf("outcome is known: %t, of %+v", known, want)
	}
	if known {
		want.Identity = t.id
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("outcome (-want +got):\n%s", diff)
	}
}

var (
	processed    = event.Outcome{Status: event.StatusProcessed, Attempts: 1}
	deadLettered = event.Outcome{Status: event.StatusDeadLettered, Attempts: 5, Reason: "no", Letter: event.Place{Topic: "events.dlq", Partition: 1, Offset: 7}}
	unfinished   = event.Outcome{Status: event.StatusUnfinished, Attempts: 1, Reason: "not yet"}
)

func testFirstClaim(t storeTest) {
	before := time.Now()
	c := t.begin(event.Claim{Owner: "a", Lease: time.Minute})
	t.want(c, event.ClaimGranted, 1)
	if until := c.Until.Sub(before); until < time.Minute || until > 2*time.Minute {
		t.Errorf("the lease ends in %s, want a minute", until)
	}
	t.wantOutcome(event.Outcome{})
}

func testBegan(t storeTest) {
	first := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	if ago := time.Since(first.Began); ago < 0 || ago > 10*time.Second {
		t.Fatalf("work began %s ago", ago)
	}
	is := func(c event.Claim, attempt int) {
		t.Helper()
		t.want(c, event.ClaimGranted, attempt)
		if c.Began.UnixMilli() != first.Began.UnixMilli() {
			t.Errorf("attempt %d says that work began at %s, want %s", c.Attempt, c.Began, first.Began)
		}
	}
	time.Sleep(2 * time.Millisecond)
	is(t.begin(first), 2)
	time.Sleep(2 * time.Millisecond) // the first consumer died
	second := t.begin(event.Claim{Owner: "b"})
	is(second, 3)
	t.finish(second, unfinished)
	third := t.begin(event.Claim{Owner: "c"})
	is(third, 2)
	t.finish(third, unfinished)
	replay := t.begin(event.Claim{Owner: "d", Hops: 1})
	if t.want(replay, event.ClaimGranted, 1); !replay.Began.After(first.Began) {
		t.Errorf("work on the replay began at %s, as on the record before", replay.Began)
	}
}

func testReason(t storeTest) {
	c := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	c.Reason = "first"
	c = t.begin(c)
	c.Reason = "second"
	t.begin(c)
	time.Sleep(2 * time.Millisecond) // it died in its third
	c = t.begin(event.Claim{Owner: "b", Reason: "of somebody else"})
	if t.want(c, event.ClaimGranted, 4); c.Reason != "second" {
		t.Errorf("the attempt before failed for %q", c.Reason)
	}
}

func testLeaseEnds(t storeTest) {
	const lease = 100 * time.Millisecond
	start := time.Now()
	t.want(t.begin(event.Claim{Owner: "a", Lease: lease}), event.ClaimGranted, 1)
	for {
		c := t.begin(event.Claim{Owner: "b"})
		if c.State == event.ClaimGranted {
			t.want(c, event.ClaimGranted, 2)
			break
		}
		t.want(c, event.ClaimHeld, 0)
		if c.Until.Before(start.Add(lease)) {
			t.Fatalf("another consumer's lease is said to end after %s, want %s", c.Until.Sub(start), lease)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if took := time.Since(start); took < lease {
		t.Errorf("taken over after %s, within the lease of %s", took, lease)
	}
}

func testOwnerGoesOn(t storeTest) {
	c := t.begin(event.Claim{Owner: "a", Lease: time.Minute})
	first := c.Until
	c.Lease = time.Hour
	c = t.begin(c)
	t.want(c, event.ClaimGranted, 2)
	if !c.Until.After(first) {
		t.Errorf("the lease ends %s, want it extended beyond %s", c.Until, first)
	}
	t.want(t.begin(event.Claim{Owner: "b"}), event.ClaimHeld, 0)
	t.want(t.finish(c, processed), event.ClaimGranted, 2)
}

func testFinished(t storeTest) {
	c := t.begin(event.Claim{Owner: "a"})
	o := event.Outcome{
		Identity: t.id, Type: "order.created", Status: event.StatusProcessed, Attempts: 1, At: time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.UTC),
		Topic: "events", Partition: 3, Offset: 1 << 40,
	}
	t.want(t.finish(c, o), event.ClaimGranted, 1)
	t.wantOutcome(o)
	t.want(t.begin(event.Claim{Owner: "b"}), event.ClaimDone, 0)
	t.want(t.begin(event.Claim{Owner: "b", Hops: 1}), event.ClaimDone, 0)
	t.want(t.finish(event.Claim{}, deadLettered), event.ClaimDone, 0)
	t.wantOutcome(o)
}

func testGivenBack(t storeTest) {
	c := t.begin(event.Claim{Owner: "a"})
	t.want(t.finish(c, unfinished), event.ClaimGranted, 1)
	t.wantOutcome(event.Outcome{})
	c = t.begin(event.Claim{Owner: "b"})
	t.want(c, event.ClaimGranted, 2)
	if c.Reason != unfinished.Reason {
		t.Errorf("the attempt before is said to have failed for %q, want %q", c.Reason, unfinished.Reason)
	}
	t.want(t.begin(event.Claim{Owner: "a"}), event.ClaimHeld, 0)
}

func testUncounted(t storeTest) {
	c := t.begin(event.Claim{Owner: "a"})
	o := unfinished
	o.Attempts = 0
	t.finish(c, o)
	t.want(t.begin(event.Claim{Owner: "b"}), event.ClaimGranted, 1)
}
