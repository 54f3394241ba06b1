// Package replay is the loop that publishes records again, for the tool and the page alike: those of each partition in
// their order, at a rate, until it is stopped, with an account of what was done.
package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"time"

	"event-processing-service/internal/event"
)

// chunk is how many records are published before the position is written. A replay that is killed publishes at most so
// many again; the processor drops those copies, because they are the same try of the same event.
const chunk = 100

// Loop is one replay.
type Loop struct {
	Prepare func(*event.Record) Decision
	Publish func(context.Context, []event.Record) []error
	Commit  func(context.Context, map[int32]int64) error // nil: no position is kept
	IsFinal func(error) bool                             // no later run publishes this record either. nil: never
	Settled func(Decision)                               // hears what became of each record. nil: nobody
	Told    func(*Account)                               // hears how far it is after each chunk. nil: nobody
	Most    int                                          // end after so many that were published; 0: all
	Rate    float64                                      // records a second; 0: as fast as it goes
	Chunk   int                                          // published at a time; 0: 100

	Account Account // so far

	waiting   []Decision
	positions map[int32]int64
	held      map[int32]bool // the position of the partition may not move any further
	committed map[int32]int64
	started   time.Time
}

// Decision is what is to become of a record, and, once it is settled, what became of it.
type Decision struct {
	Verdict   Verdict
	Why       string       // of what is refused, for people
	Again     event.Record // what to publish
	Partition int32        // where the record lies, as Offset
	Offset    int64
}

// Verdict is what to do with a record.
type Verdict int

// What can become of a record.
const (
	Publish Verdict = iota
	Skip            // not chosen: a later run may want it, so the position stays before it
	Refuse          // must not come back, in no later run either: the position moves on
	Pass            // not chosen by what a later run chooses by, too: the position moves on
)

// Account is what a run did.
type Account struct {
	Replayed  int             `json:"replayed"`
	Skipped   int             `json:"skipped"` // by the filters
	Refused   int             `json:"refused"`
	LookedAt  int64           `json:"looked_at"`
	Positions map[int32]int64 `json:"positions,omitempty"` // by partition: where the next run begins
}

// Run publishes what Prepare decides, until the records or most of them are done. The error says why it ended before;
// what is in the account is done all the same, and a further run goes on from there.
func (l *Loop) Run(ctx context.Context, records iter.Seq2[event.Record, error]) error {
	l.positions, l.held, l.started = map[int32]int64{}, map[int32]bool{}, time.Now()
	size := cmp.Or(l.Chunk, chunk)
	if l.Rate > 0 {
		size = max(1, min(size, int(l.Rate/4))) // small bursts several times a second instead of one large one
	}
	chosen := 0
	for record, err := range records {
		if err != nil {
			return errors.Join(err, l.flush(ctx))
		}
		if l.Most > 0 && l.Account.Replayed+chosen >= l.Most {
			break
		}
		d := l.Prepare(&record)
		d.Partition, d.Offset = record.Partition, record.Offset
		l.waiting = append(l.waiting, d)
		l.Account.LookedAt++
		if d.Verdict == Publish {
			chosen++
		}
		if chosen < size && len(l.waiting) < 10*size {
			continue
		}
		if err := l.flush(ctx); err != nil {
			return err
		}
		chosen = 0
		if !l.pace(ctx) {
			return ctx.Err()
		}
	}
	return l.flush(ctx)
}

// flush publishes what waits and then writes the position. It is not interrupted: a record whose fate is not known
// would have to be published again.
func (l *Loop) flush(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var records []event.Record
	for _, d := range l.waiting {
		if d.Verdict == Publish {
			records = append(records, d.Again)
		}
	}
	var results []error
	if len(records) > 0 {
		results = l.Publish(ctx, records)
	}
	var failed error
	for _, d := range l.waiting {
		var err error
		if d.Verdict == Publish {
			err, results = results[0], results[1:]
		}
		failed = errors.Join(failed, l.settle(d, err))
	}
	l.waiting = l.waiting[:0]
	if l.Commit != nil && !maps.Equal(l.positions, l.committed) {
		if err := l.Commit(ctx, l.positions); err != nil {
			return errors.Join(failed, err)
		}
		l.committed = maps.Clone(l.positions)
		l.Account.Positions = l.committed
	}
	if l.Told != nil {
		l.Told(&l.Account)
	}
	return failed
}

// settle takes down what became of one record.
func (l *Loop) settle(d Decision, err error) error {
	if err != nil {
		if l.IsFinal == nil || !l.IsFinal(err) {
			l.held[d.Partition] = true
			return fmt.Errorf("replay partition %d offset %d: %w", d.Partition, d.Offset, err)
		}
		d.Verdict, d.Why = Refuse, err.Error() // no later run makes it smaller, or another record
	}
	switch d.Verdict {
	case Skip:
		l.held[d.Partition] = true
		l.Account.Skipped++
	case Pass:
		l.Account.Skipped++
	case Refuse:
		l.Account.Refused++
	case Publish:
		l.Account.Replayed++
	}
	if l.Settled != nil {
		l.Settled(d)
	}
	if !l.held[d.Partition] {
		l.positions[d.Partition] = d.Offset + 1
	}
	return nil
}

// pace waits until the rate allows more, and tells whether ctx does.
func (l *Loop) pace(ctx context.Context) bool {
	if l.Rate <= 0 {
		return ctx.Err() == nil
	}
	due := l.started.Add(time.Duration(float64(l.Account.Replayed) / l.Rate * float64(time.Second)))
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(due)):
	}
	return ctx.Err() == nil
}
