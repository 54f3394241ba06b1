package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"time"

	"event-processing-service/internal/event"
)

// chunk is how many records are published before the position is written. A replay that is killed publishes at most so
// many again; the processor drops those copies, because they are the same try of the same event.
const chunk = 100

// republisher publishes records of a topic again, those of each partition in their order, and keeps account.
type republisher struct {
	prepare func(*event.Record) decision
	publish func(context.Context, []event.Record) []error
	commit  func(context.Context, map[int32]int64) error // nil: no position is kept
	most    int                                          // end after so many that were published; 0: all
	rate    float64                                      // records a second; 0: as fast as it goes
	total   int64                                        // how many there are to look at, for the progress
	out     io.Writer                                    // progress, for people

	account   account
	waiting   []decision
	positions map[int32]int64
	held      map[int32]bool // the position of the partition may not move any further
	committed map[int32]int64
	started   time.Time
	told      time.Time
}

// decision is what is to become of a record.
type decision struct {
	verdict   verdict
	why       string       // for people
	again     event.Record // what to publish
	partition int32        // where the record lies
	offset    int64
}

type verdict int

const (
	verdictPublish verdict = iota
	verdictLeave           // not chosen: a later run may want it, so the position stays before it
	verdictRefuse          // must not come back, in no later run either: the position moves on
)

// account is what a run did.
type account struct {
	Replayed  int             `json:"replayed"`
	LeftOut   int             `json:"left_out"`
	Refused   int             `json:"refused"`
	LookedAt  int64           `json:"looked_at"`
	Positions map[int32]int64 `json:"positions,omitempty"` // by partition: where the next run begins
}

// run publishes what prepare decides, until the records or most of them are done. The error says why it ended before;
// what is in the account is done all the same, and a further run goes on from there.
func (r *republisher) run(ctx context.Context, records iter.Seq2[event.Record, error]) error {
	r.positions, r.held, r.started, r.told = map[int32]int64{}, map[int32]bool{}, time.Now(), time.Now()
	size := chunk
	if r.rate > 0 {
		size = max(1, min(chunk, int(r.rate/4))) // small bursts several times a second instead of one large one
	}
	chosen := 0
	for record, err := range records {
		if err != nil {
			return errors.Join(err, r.flush(ctx))
		}
		if r.most > 0 && r.account.Replayed+chosen >= r.most {
			break
		}
		d := r.prepare(&record)
		d.partition, d.offset = record.Partition, record.Offset
		r.waiting = append(r.waiting, d)
		r.account.LookedAt++
		if d.verdict == verdictPublish {
			chosen++
		}
		if chosen < size && len(r.waiting) < 10*chunk {
			continue
		}
		if err := r.flush(ctx); err != nil {
			return err
		}
		chosen = 0
		if !r.pace(ctx) {
			return ctx.Err()
		}
	}
	return r.flush(ctx)
}

// flush publishes what waits and then writes the position. It is not interrupted: a record whose fate is not known would
// have to be published again.
func (r *republisher) flush(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var records []event.Record
	for _, d := range r.waiting {
		if d.verdict == verdictPublish {
			records = append(records, d.again)
		}
	}
	var results []error
	if len(records) > 0 {
		results = r.publish(ctx, records)
	}
	var failed error
	for _, d := range r.waiting {
		var err error
		if d.verdict == verdictPublish {
			err, results = results[0], results[1:]
		}
		failed = errors.Join(failed, r.settle(d, err))
	}
	r.waiting = r.waiting[:0]
	if r.commit != nil && !maps.Equal(r.positions, r.committed) {
		if err := r.commit(ctx, r.positions); err != nil {
			return errors.Join(failed, err)
		}
		r.committed = maps.Clone(r.positions)
		r.account.Positions = r.committed
	}
	r.tell()
	return failed
}

// settle takes down what became of one record.
func (r *republisher) settle(d decision, err error) error {
	var publish *event.PublishError
	switch {
	case d.verdict == verdictLeave:
		r.account.LeftOut++
		r.held[d.partition] = true
		return nil
	case err != nil && (!errors.As(err, &publish) || publish.Failure != event.FailureTooLarge):
		r.held[d.partition] = true
		return fmt.Errorf("replay partition %d offset %d: %w", d.partition, d.offset, err)
	case err != nil:
		d.why = err.Error() // no later run makes it smaller
		fallthrough
	case d.verdict == verdictRefuse:
		r.account.Refused++
		fmt.Fprintf(r.out, "left alone: partition %d offset %d: %s\n", d.partition, d.offset, d.why)
	default:
		r.account.Replayed++
	}
	if !r.held[d.partition] {
		r.positions[d.partition] = d.offset + 1
	}
	return nil
}

// pace waits until the rate allows more, and tells whether ctx does.
func (r *republisher) pace(ctx context.Context) bool {
	if r.rate <= 0 {
		return ctx.Err() == nil
	}
	due := r.started.Add(time.Duration(float64(r.account.Replayed) / r.rate * float64(time.Second)))
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(due)):
	}
	return ctx.Err() == nil
}

// tell says every other second how far it has come.
func (r *republisher) tell() {
	if time.Since(r.told) < 2*time.Second {
		return
	}
	r.told = time.Now()
	fmt.Fprintf(r.out, "%d replayed, %d of %d looked at, %.0f a second\n", r.account.Replayed, r.account.LookedAt, r.total,
		float64(r.account.Replayed)/time.Since(r.started).Seconds())
}

// conclude says what was done.
func (r *republisher) conclude() {
	fmt.Fprintf(r.out, "%d replayed, %d left out by the filters, %d left alone, %d of %d looked at\n",
		r.account.Replayed, r.account.LeftOut, r.account.Refused, r.account.LookedAt, r.total)
}
