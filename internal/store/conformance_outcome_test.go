package store

import (
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"event-processing-service/internal/event"
)

func testRecordOnly(t storeTest) {
	first := processed
	first.Offset = 1
	t.want(t.finish(event.Claim{}, first), event.ClaimGranted, 0)
	second := processed
	second.Offset = 2
	t.want(t.finish(event.Claim{}, second), event.ClaimDone, 0)
	t.wantOutcome(first)
}

func testRecordOnlyHeld(t storeTest) {
	c := t.begin(event.Claim{Owner: "a"})
	refused := t.finish(event.Claim{}, processed)
	t.want(refused, event.ClaimHeld, 0)
	if !refused.Until.After(time.Now()) {
		t.Errorf("the other's lease is said to end %s, want the future", refused.Until)
	}
	t.finish(c, unfinished)
	t.want(t.finish(event.Claim{}, processed), event.ClaimGranted, 0)
}

func testReplay(t storeTest) {
	t.want(t.finish(t.begin(event.Claim{Owner: "a"}), deadLettered), event.ClaimGranted, 1)
	t.want(t.begin(event.Claim{Owner: "b"}), event.ClaimDone, 0)
	t.want(t.finish(event.Claim{}, processed), event.ClaimDone, 0)

	again := t.begin(event.Claim{Owner: "c", Hops: 1})
	t.want(again, event.ClaimGranted, 1)
	t.want(t.finish(again, deadLettered), event.ClaimGranted, 1)
	t.want(t.begin(event.Claim{Owner: "d", Hops: 1}), event.ClaimDone, 0)

	t.want(t.finish(event.Claim{Hops: 2}, processed), event.ClaimGranted, 0)
	want := processed
	want.Hops = 2
	t.wantOutcome(want)
	t.want(t.begin(event.Claim{Owner: "e", Hops: 3}), event.ClaimDone, 0)
}

func testReplayKeepsOutcome(t storeTest) {
	t.finish(t.begin(event.Claim{Owner: "a"}), deadLettered)
	c := t.begin(event.Claim{Owner: "b", Hops: 1})
	t.wantOutcome(deadLettered)
	c = t.begin(c)
	t.want(c, event.ClaimGranted, 2)
	t.finish(c, unfinished)
	t.wantOutcome(deadLettered)
	t.want(t.begin(event.Claim{Owner: "c", Hops: 1}), event.ClaimGranted, 2)
}

func testOriginalBehindReplay(t storeTest) {
	t.want(t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond}), event.ClaimGranted, 1) // died after its dead letter
	time.Sleep(2 * time.Millisecond)
	c := t.begin(event.Claim{Owner: "b", Hops: 1})
	t.want(c, event.ClaimGranted, 1)
	t.want(t.begin(event.Claim{Owner: "a"}), event.ClaimDone, 0)
	t.finish(c, unfinished)
	t.want(t.finish(event.Claim{}, processed), event.ClaimDone, 0)
}

func testLostLease(t storeTest) {
	a := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	time.Sleep(2 * time.Millisecond)
	b := t.begin(event.Claim{Owner: "b"})
	t.want(b, event.ClaimGranted, 2)
	t.want(t.finish(a, processed), event.ClaimHeld, 0)
	t.want(t.finish(a, unfinished), event.ClaimHeld, 0)
	t.want(t.begin(a), event.ClaimHeld, 0)
	b = t.begin(b)
	t.want(b, event.ClaimGranted, 3)
	t.finish(b, unfinished)
	late := unfinished
	late.Attempts = 7
	t.finish(a, late)
	c := t.begin(event.Claim{Owner: "c"})
	t.want(c, event.ClaimGranted, 2)
	t.want(t.finish(c, deadLettered), event.ClaimGranted, 2)
	t.want(t.finish(a, processed), event.ClaimDone, 0)
	t.wantOutcome(deadLettered)
}

func testLateFinish(t storeTest) {
	c := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	time.Sleep(2 * time.Millisecond)
	t.want(t.finish(c, processed), event.ClaimGranted, 1)
	t.wantOutcome(processed)
}

func testLostAnswer(t storeTest) {
	asked := event.Claim{Owner: "a"}
	t.want(t.begin(asked), event.ClaimGranted, 1)
	c := t.begin(asked)
	t.want(c, event.ClaimGranted, 1)
	t.want(t.begin(c), event.ClaimGranted, 2)
	c = t.begin(c)
	t.want(c, event.ClaimGranted, 2)
	t.want(t.finish(c, processed), event.ClaimGranted, 2)
	t.want(t.finish(c, processed), event.ClaimGranted, 2)
	t.want(t.finish(event.Claim{}, processed), event.ClaimDone, 0)
}

// atOnce counts the claims that were granted to 32 callers.
func (t storeTest) atOnce(call func() event.Claim) int {
	var calls sync.WaitGroup
	states := make(chan event.ClaimState, 32)
	for range cap(states) {
		calls.Go(func() { states <- call().State })
	}
	calls.Wait()
	close(states)
	granted := 0
	for state := range states {
		if state == event.ClaimGranted {
			granted++
		}
	}
	return granted
}

func testManyBegin(t storeTest) {
	if n := t.atOnce(func() event.Claim { return t.begin(event.Claim{Owner: rand.Text()}) }); n != 1 {
		t.Errorf("%d consumers were granted the same event, want 1", n)
	}
	t.id.ID += " replayed"
	t.finish(event.Claim{}, deadLettered)
	if n := t.atOnce(func() event.Claim { return t.begin(event.Claim{Owner: rand.Text(), Hops: 1}) }); n != 1 {
		t.Errorf("%d consumers were granted the same replay, want 1", n)
	}
}

func testManyFinish(t storeTest) {
	if n := t.atOnce(func() event.Claim { return t.finish(event.Claim{}, processed) }); n != 1 {
		t.Errorf("%d writers recorded the same event, want 1", n)
	}
}

func testIdentities(t storeTest) {
	long := strings.Repeat("x", 5000)
	base := t.id.ID
	for _, id := range []event.Identity{
		{Source: "a b", ID: "c" + base},
		{Source: "a", ID: "b c" + base},
		{Source: "a%20b", ID: "c" + base},
		{Source: "", ID: "a b c" + base},
		{Source: "a", ID: base + long + "1"},
		{Source: "a", ID: base + long + "2"},
		{Source: "a" + long, ID: base},
		{Source: "a", ID: base + "\xff"},
		{Source: "a", ID: base + "\xfe"},
		{Source: "a", ID: base + "\uFFFD"},
		{Source: "ä", ID: base + "☃"},
	} {
		t.id = id
		t.wantOutcome(event.Outcome{})
		t.want(t.finish(event.Claim{}, processed), event.ClaimGranted, 0)
		t.wantOutcome(processed)
	}
}

func testShortened(t storeTest) {
	o := processed
	o.Type, o.Reason = strings.Repeat("ä", 10_000), "\xff"+strings.Repeat("☃", 10_000)
	t.finish(event.Claim{}, o)
	got, _, err := t.store.Outcome(t.Context(), t.id)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("ä", 512); got.Type != want {
		t.Errorf("type has %d bytes, want %d", len(got.Type), len(want))
	}
	if want := "\uFFFD" + strings.Repeat("☃", 340); got.Reason != want {
		t.Errorf("reason has %d bytes, want %d", len(got.Reason), len(want))
	}
}

func testRetention(t storeTest) {
	start := time.Now()
	t.finish(event.Claim{}, deadLettered)
	for {
		_, known, err := t.store.Outcome(t.Context(), t.id)
		if err != nil {
			t.Fatal(err)
		}
		if !known {
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatal("still known after 10 s")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if took := time.Since(start); took < time.Second {
		t.Errorf("forgotten after %s, want a second", took)
	}
	t.want(t.begin(event.Claim{Owner: "a"}), event.ClaimGranted, 1)
}
