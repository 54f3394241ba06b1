package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/replay"
)

// republisher is a replay that tells people on a terminal how far it is.
type republisher struct {
	replay.Loop
	total int64     // how many there are to look at, for the progress
	out   io.Writer // progress, for people

	started, told time.Time
}

func (r *republisher) run(ctx context.Context, records iter.Seq2[event.Record, error]) error {
	r.started, r.told = time.Now(), time.Now()
	r.IsFinal, r.Told = kafka.RefusesRecord, r.tell
	r.Settled = func(d replay.Decision) {
		if d.Verdict == replay.Refuse {
			fmt.Fprintf(r.out, "refused: partition %d offset %d: %s\n", d.Partition, d.Offset, d.Why)
		}
	}
	return r.Run(ctx, records)
}

// tell says every other second how far it has come.
func (r *republisher) tell(a *replay.Account) {
	if time.Since(r.told) < 2*time.Second {
		return
	}
	r.told = time.Now()
	fmt.Fprintf(r.out, "%d replayed, %d of %d looked at, %.0f a second\n", a.Replayed, a.LookedAt, r.total,
		float64(a.Replayed)/time.Since(r.started).Seconds())
}

// conclude says what was done.
func (r *republisher) conclude() {
	fmt.Fprintf(r.out, "%d replayed, %d skipped by the filters, %d refused, %d of %d looked at\n",
		r.Account.Replayed, r.Account.Skipped, r.Account.Refused, r.Account.LookedAt, r.total)
}
