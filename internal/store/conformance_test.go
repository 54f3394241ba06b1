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
	Begin(context.Context, event.Claim) (event.Reply, error)
	Renew(context.Context, event.Claim) (event.Reply, error)
	Finish(context.Context, event.Claim, event.Outcome) (event.Reply, error)
	Release(ctx context.Context, c event.Claim, attempts int, reason string) error
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
		"a new event is granted to its first consumer":                  testFirstClaim,
		"a held event is refused, and granted when the lease ends":      testLeaseEnds,
		"an owner goes on with its lease":                               testOwnerGoesOn,
		"a lease that is renewed lasts longer and counts no attempt":    testRenewed,
		"a lease that another consumer has taken over is not renewed":   testLostRenewal,
		"a finished event is done for everybody":                        testFinished,
		"an event given back is granted at once, its attempts counted":  testGivenBack,
		"an attempt that does not count can be given back":              testUncounted,
		"a claim of which nobody heard takes no attempt of others back": testUnheard,
		"it is known when work on a record began for the first time":    testBegan,
		"it is known why the last attempt failed that came to its end":  testReason,
		"finishing without a claim is one write that the first wins":    testRecordOnly,
		"finishing without a claim does not break a lease":              testRecordOnlyHeld,
		"a dead letter is done until it is replayed":                    testReplay,
		"an earlier outcome stands while its replay is worked on":       testReplayKeepsOutcome,
		"the original is done while its replay is worked on":            testOriginalBehindReplay,
		"a consumer that lost its lease changes nothing":                testLostLease,
		"a lease that ended unnoticed can still be finished":            testLateFinish,
		"a call whose answer was lost can be made again":                testLostAnswer,
		"a claim whose answer was lost long ago has a whole lease":      testLateLostAnswer,
		"of many consumers at once one is granted":                      testManyBegin,
		"of many writers at once one is first":                          testManyFinish,
		"events are told apart by source and id":                        testIdentities,
		"texts without bounds are shortened":                            testShortened,
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

// asked is a claim that is ready to be asked with again, and the last reply to it.
type asked struct {
	event.Claim
	reply event.Reply
}

func (t storeTest) begin(c event.Claim) asked {
	t.Helper()
	return t.ask(c, t.store.Begin)
}

func (t storeTest) renew(c event.Claim) asked {
	t.Helper()
	return t.ask(c, t.store.Renew)
}

func (t storeTest) ask(c event.Claim, call func(context.Context, event.Claim) (event.Reply, error)) asked {
	t.Helper()
	c.Identity = t.id
	if c.Lease == 0 {
		c.Lease = time.Minute
	}
	reply, err := call(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Answer == event.Granted {
		c.Last = reply
	}
	return asked{c, reply}
}

func (t storeTest) finish(c event.Claim, o event.Outcome) event.Reply {
	t.Helper()
	c.Identity, o.Identity, o.Hops = t.id, t.id, c.Hops
	reply, err := t.store.Finish(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func (t storeTest) release(c event.Claim, attempts int) {
	t.Helper()
	c.Identity = t.id
	if err := t.store.Release(t.Context(), c, attempts, "not yet"); err != nil {
		t.Fatal(err)
	}
}

// want checks an answer, and the attempt of a claim that was granted.
func (t storeTest) want(got event.Reply, answer event.Answer, attempt int) {
	t.Helper()
	if got.Answer != answer || answer == event.Granted && got.Attempt != attempt {
		t.Fatalf("the answer is %d at attempt %d, want %d at %d", got.Answer, got.Attempt, answer, attempt)
	}
}

func (t storeTest) wantOutcome(want event.Outcome) {
	t.Helper()
	got, known, err := t.store.Outcome(t.Context(), t.id)
	if err != nil {
		t.Fatal(err)
	}
	if known != (want.Status != "") {
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
	deadLettered = event.Outcome{Status: event.StatusDeadLettered, Attempts: 5, Reason: "no",
		Letter: event.Place{Topic: "events.dlq", Partition: 1, Offset: 7}}
)

func testFirstClaim(t storeTest) {
	before := time.Now()
	c := t.begin(event.Claim{Owner: "a", Lease: time.Minute})
	t.want(c.reply, event.Granted, 1)
	if until := c.reply.Until.Sub(before); until < time.Minute || until > 2*time.Minute {
		t.Errorf("the lease ends in %s, want a minute", until)
	}
	t.wantOutcome(event.Outcome{})
}

func testBegan(t storeTest) {
	first := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	if ago := time.Since(first.reply.Began); ago < 0 || ago > 10*time.Second {
		t.Fatalf("work began %s ago", ago)
	}
	is := func(c asked, attempt int) {
		t.Helper()
		t.want(c.reply, event.Granted, attempt)
		if c.reply.Began.UnixMilli() != first.reply.Began.UnixMilli() {
			t.Errorf("attempt %d says that work began at %s, want %s", c.reply.Attempt, c.reply.Began, first.reply.Began)
		}
	}
	time.Sleep(2 * time.Millisecond)
	is(t.begin(first.Claim), 2)
	time.Sleep(2 * time.Millisecond) // the first consumer died
	second := t.begin(event.Claim{Owner: "b"})
	is(second, 3)
	t.release(second.Claim, 1)
	third := t.begin(event.Claim{Owner: "c"})
	is(third, 2)
	t.release(third.Claim, 1)
	replay := t.begin(event.Claim{Owner: "d", Hops: 1})
	if t.want(replay.reply, event.Granted, 1); !replay.reply.Began.After(first.reply.Began) {
		t.Errorf("work on the replay began at %s, as on the record before", replay.reply.Began)
	}
}

func testReason(t storeTest) {
	c := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	c.Reason = "first"
	c = t.begin(c.Claim)
	c.Reason = "second"
	t.begin(c.Claim)
	time.Sleep(2 * time.Millisecond) // it died in its third
	c = t.begin(event.Claim{Owner: "b", Reason: "of somebody else"})
	if t.want(c.reply, event.Granted, 4); c.reply.Reason != "second" {
		t.Errorf("the attempt before failed for %q", c.reply.Reason)
	}
}

func testLeaseEnds(t storeTest) {
	const lease = 100 * time.Millisecond
	start := time.Now()
	t.want(t.begin(event.Claim{Owner: "a", Lease: lease}).reply, event.Granted, 1)
	for {
		c := t.begin(event.Claim{Owner: "b"})
		if c.reply.Answer == event.Granted {
			t.want(c.reply, event.Granted, 2)
			break
		}
		t.want(c.reply, event.Held, 0)
		if c.reply.Until.Before(start.Add(lease)) {
			t.Fatalf("another consumer's lease is said to end after %s, want %s", c.reply.Until.Sub(start), lease)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if took := time.Since(start); took < lease {
		t.Errorf("taken over after %s, within the lease of %s", took, lease)
	}
}

func testRenewed(t storeTest) {
	c := t.begin(event.Claim{Owner: "a", Lease: time.Minute})
	c.Lease = time.Hour
	first := c.reply
	c = t.renew(c.Claim)
	t.want(c.reply, event.Granted, 1)
	if !c.reply.Until.After(first.Until.Add(time.Minute)) || c.reply.Began.UnixMilli() != first.Began.UnixMilli() {
		t.Errorf("the lease ends %s and work began at %s; want an hour, and %s", c.reply.Until, c.reply.Began, first.Began)
	}
	t.renew(c.Claim) // of which the caller hears nothing
	c = t.begin(c.Claim)
	t.want(c.reply, event.Granted, 2)
	t.want(t.finish(c.Claim, processed), event.Written, 0)
	t.want(t.renew(c.Claim).reply, event.Done, 0)
}

func testLostRenewal(t storeTest) {
	a := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	time.Sleep(2 * time.Millisecond)
	t.want(t.renew(a.Claim).reply, event.Granted, 1) // nobody else has begun since
	a.Lease = time.Nanosecond
	a = t.renew(a.Claim)
	time.Sleep(2 * time.Millisecond)
	b := t.begin(event.Claim{Owner: "b"})
	t.want(b.reply, event.Granted, 2)
	t.want(t.renew(a.Claim).reply, event.Held, 0)
	t.release(b.Claim, 1)
	t.want(t.renew(a.Claim).reply, event.Held, 0)
	t.want(t.begin(event.Claim{Owner: "c"}).reply, event.Granted, 2)
}

func testOwnerGoesOn(t storeTest) {
	c := t.begin(event.Claim{Owner: "a", Lease: time.Minute})
	first := c.reply.Until
	c.Lease = time.Hour
	c = t.begin(c.Claim)
	t.want(c.reply, event.Granted, 2)
	if !c.reply.Until.After(first) {
		t.Errorf("the lease ends %s, want it extended beyond %s", c.reply.Until, first)
	}
	t.want(t.begin(event.Claim{Owner: "b"}).reply, event.Held, 0)
	t.want(t.finish(c.Claim, processed), event.Written, 0)
}

func testFinished(t storeTest) {
	c := t.begin(event.Claim{Owner: "a"})
	o := event.Outcome{
		Place:    event.Place{Topic: "events", Partition: 3, Offset: 1 << 40},
		Identity: t.id, Type: "order.created", Status: event.StatusProcessed, Attempts: 1,
		At: time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.UTC),
	}
	t.want(t.finish(c.Claim, o), event.Written, 0)
	t.wantOutcome(o)
	t.want(t.begin(event.Claim{Owner: "b"}).reply, event.Done, 0)
	t.want(t.begin(event.Claim{Owner: "b", Hops: 1}).reply, event.Done, 0)
	t.want(t.finish(event.Claim{}, deadLettered), event.Done, 0)
	t.wantOutcome(o)
}

func testGivenBack(t storeTest) {
	c := t.begin(event.Claim{Owner: "a"})
	t.release(c.Claim, 1)
	t.wantOutcome(event.Outcome{})
	c = t.begin(event.Claim{Owner: "b"})
	t.want(c.reply, event.Granted, 2)
	if c.reply.Reason != "not yet" {
		t.Errorf("the attempt before is said to have failed for %q, want %q", c.reply.Reason, "not yet")
	}
	t.want(t.begin(event.Claim{Owner: "a"}).reply, event.Held, 0)
}

func testUncounted(t storeTest) {
	c := t.begin(event.Claim{Owner: "a"})
	t.release(c.Claim, 0)
	t.want(t.begin(event.Claim{Owner: "b"}).reply, event.Granted, 1)
}
