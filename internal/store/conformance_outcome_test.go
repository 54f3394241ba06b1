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
	t.want(t.finish(event.Claim{}, first), event.Written, 0)
	second := processed
	second.Offset = 2
	t.want(t.finish(event.Claim{}, second), event.Done, 0)
	t.wantOutcome(first)
}

func testRecordOnlyHeld(t storeTest) {
	c := t.begin(event.Claim{Owner: "a"})
	refused := t.finish(event.Claim{}, processed)
	t.want(refused, event.Held, 0)
	if !refused.Until.After(time.Now()) {
		t.Errorf("the other's lease is said to end %s, want the future", refused.Until)
	}
	t.release(c.Claim, 1)
	t.want(t.finish(event.Claim{}, processed), event.Written, 0)
}

func testReplay(t storeTest) {
	t.want(t.finish(t.begin(event.Claim{Owner: "a"}).Claim, deadLettered), event.Written, 0)
	t.want(t.begin(event.Claim{Owner: "b"}).reply, event.Done, 0)
	t.want(t.finish(event.Claim{}, processed), event.Done, 0)

	again := t.begin(event.Claim{Owner: "c", Hops: 1})
	t.want(again.reply, event.Granted, 1)
	t.want(t.finish(again.Claim, deadLettered), event.Written, 0)
	t.want(t.begin(event.Claim{Owner: "d", Hops: 1}).reply, event.Done, 0)

	t.want(t.finish(event.Claim{Hops: 2}, processed), event.Written, 0)
	want := processed
	want.Hops = 2
	t.wantOutcome(want)
	t.want(t.begin(event.Claim{Owner: "e", Hops: 3}).reply, event.Done, 0)
}

func testReplayKeepsOutcome(t storeTest) {
	t.finish(t.begin(event.Claim{Owner: "a"}).Claim, deadLettered)
	c := t.begin(event.Claim{Owner: "b", Hops: 1})
	t.wantOutcome(deadLettered)
	c = t.begin(c.Claim)
	t.want(c.reply, event.Granted, 2)
	t.release(c.Claim, 1)
	t.wantOutcome(deadLettered)
	t.want(t.begin(event.Claim{Owner: "c", Hops: 1}).reply, event.Granted, 2)
}

func testOriginalBehindReplay(t storeTest) {
	t.want(t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond}).reply, event.Granted, 1) // died after its dead letter
	time.Sleep(2 * time.Millisecond)
	c := t.begin(event.Claim{Owner: "b", Hops: 1})
	t.want(c.reply, event.Granted, 1)
	t.want(t.begin(event.Claim{Owner: "a"}).reply, event.Done, 0)
	t.release(c.Claim, 1)
	t.want(t.finish(event.Claim{}, processed), event.Done, 0)
}

func testLostLease(t storeTest) {
	a := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	time.Sleep(2 * time.Millisecond)
	b := t.begin(event.Claim{Owner: "b"})
	t.want(b.reply, event.Granted, 2)
	t.want(t.finish(a.Claim, processed), event.Held, 0)
	t.release(a.Claim, 1)
	t.want(t.begin(a.Claim).reply, event.Held, 0)
	b = t.begin(b.Claim)
	t.want(b.reply, event.Granted, 3)
	t.release(b.Claim, 1)
	t.release(a.Claim, 7)
	c := t.begin(event.Claim{Owner: "c"})
	t.want(c.reply, event.Granted, 2)
	t.want(t.finish(c.Claim, deadLettered), event.Written, 0)
	t.want(t.finish(a.Claim, processed), event.Done, 0)
	t.wantOutcome(deadLettered)
}

func testLateFinish(t storeTest) {
	c := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	time.Sleep(2 * time.Millisecond)
	t.want(t.finish(c.Claim, processed), event.Written, 0)
	t.wantOutcome(processed)
}

func testLostAnswer(t storeTest) {
	first := event.Claim{Owner: "a"}
	t.want(t.begin(first).reply, event.Granted, 1)
	c := t.begin(first)
	t.want(c.reply, event.Granted, 1)
	t.want(t.begin(c.Claim).reply, event.Granted, 2)
	c = t.begin(c.Claim)
	t.want(c.reply, event.Granted, 2)
	t.want(t.finish(c.Claim, processed), event.Written, 0)
	t.want(t.finish(c.Claim, processed), event.Written, 0)
	t.want(t.finish(event.Claim{}, processed), event.Done, 0)
}

func testUnheard(t storeTest) {
	a := t.begin(event.Claim{Owner: "a", Lease: time.Nanosecond})
	time.Sleep(2 * time.Millisecond)
	b := t.begin(event.Claim{Owner: "b"})
	t.want(b.reply, event.Granted, 2)
	t.release(b.Claim, 2)
	t.want(t.begin(a.Claim).reply, event.Granted, 3) // of which the caller hears nothing
	t.release(a.Claim, 1)
	t.want(t.begin(event.Claim{Owner: "c"}).reply, event.Granted, 3)
}

func testLateLostAnswer(t storeTest) {
	first := event.Claim{Owner: "a", Lease: time.Nanosecond}
	t.want(t.begin(first).reply, event.Granted, 1) // of which the caller hears nothing
	time.Sleep(2 * time.Millisecond)
	asked := time.Now()
	first.Lease = time.Minute
	c := t.begin(first)
	t.want(c.reply, event.Granted, 1)
	if left := c.reply.Until.Sub(asked); left < time.Minute-time.Millisecond {
		t.Errorf("the lease lasts %s, want a minute: another consumer would work beside this one", left)
	}
	t.want(t.begin(event.Claim{Owner: "b"}).reply, event.Held, 0)
	t.want(t.finish(c.Claim, processed), event.Written, 0)
}

// atOnce counts the claims that were granted to 32 callers.
func (t storeTest) atOnce(call func() event.Reply) int {
	var calls sync.WaitGroup
	answers := make(chan event.Answer, 32)
	for range cap(answers) {
		calls.Go(func() { answers <- call().Answer })
	}
	calls.Wait()
	close(answers)
	granted := 0
	for answer := range answers {
		if answer == event.Granted || answer == event.Written {
			granted++
		}
	}
	return granted
}

func testManyBegin(t storeTest) {
	if n := t.atOnce(func() event.Reply { return t.begin(event.Claim{Owner: rand.Text()}).reply }); n != 1 {
		t.Errorf("%d consumers were granted the same event, want 1", n)
	}
	t.id.ID += " replayed"
	t.finish(event.Claim{}, deadLettered)
	if n := t.atOnce(func() event.Reply { return t.begin(event.Claim{Owner: rand.Text(), Hops: 1}).reply }); n != 1 {
		t.Errorf("%d consumers were granted the same replay, want 1", n)
	}
}

func testManyFinish(t storeTest) {
	if n := t.atOnce(func() event.Reply { return t.finish(event.Claim{}, processed) }); n != 1 {
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
		t.want(t.finish(event.Claim{}, processed), event.Written, 0)
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
	t.want(t.begin(event.Claim{Owner: "a"}).reply, event.Granted, 1)
}
