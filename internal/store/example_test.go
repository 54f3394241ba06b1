package store_test

import (
	"context"
	"fmt"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/store"
)

// The rules of every store: one consumer works on an event at a time, a released event is granted at once, and the
// outcome is final unless a dead letter is replayed.
func Example() {
	ctx := context.Background()
	events := store.NewMemory(store.DefaultRetention)
	order := event.Identity{Source: "/shop", ID: "o-1"}
	answers := map[event.Answer]string{event.Granted: "granted", event.Written: "written", event.Done: "done",
		event.Held: "held"}
	begin := func(c event.Claim) event.Claim {
		c.Last, _ = events.Begin(ctx, c) // memory never fails
		fmt.Println(c.Owner, "begins:", answers[c.Last.Answer], "attempt", c.Last.Attempt)
		return c
	}

	first := begin(event.Claim{Identity: order, Owner: "a", Lease: time.Minute})
	begin(event.Claim{Identity: order, Owner: "b", Lease: time.Minute})
	_ = events.Release(ctx, first, 1, "shop is closed")
	second := begin(event.Claim{Identity: order, Owner: "b", Lease: time.Minute})
	fmt.Println("because", second.Last.Reason)

	letter := event.Outcome{Status: event.StatusDeadLettered, Attempts: 2, Reason: "shop is closed"}
	reply, _ := events.Finish(ctx, second, letter)
	fmt.Println("b finishes:", answers[reply.Answer])
	begin(event.Claim{Identity: order, Owner: "c"})
	begin(event.Claim{Identity: order, Owner: "replay", Hops: 1, Lease: time.Minute})
	// Output:
	// a begins: granted attempt 1
	// b begins: held attempt 0
	// b begins: granted attempt 2
	// because shop is closed
	// b finishes: written
	// c begins: done attempt 0
	// replay begins: granted attempt 1
}
