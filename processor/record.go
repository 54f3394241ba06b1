package processor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/telemetry"
)

var (
	errNoTime = errors.New("not begun: the time of the invocation is up")
	errHeld   = errors.New("another consumer works on the event")
	errLost   = errors.New("another consumer took the event over before this one was done with it")
)

// diedReason is that of a dead letter whose every attempt ended without a word.
const diedReason = "no attempt came to a result: the process died, or was killed, each time"

// job is the work on one record.
type job struct {
	*worker
	item      *item
	record    event.Record
	event     event.Event // of an undecodable record only source and id, made of its position
	claim     event.Claim
	claimed   time.Time // since when the event is this job's
	inherited bool      // somebody else began before, and may have got as far as the dead letter
	started   time.Time
}

// process brings one record to its end, or says why it is not there. Once it is begun it is one line in the log either way.
func (w *worker) process(ctx context.Context, i *item) (err error) {
	if ctx.Err() != nil {
		return errNoTime
	}
	j := job{worker: w, item: i, started: time.Now()}
	undecodable := j.decode()
	ctx, end := telemetry.StartRecord(ctx, &j.record)
	defer func() { end(err) }()
	j.claim = event.Claim{Identity: j.event.Identity(), Hops: hops(&j.record), Lease: w.cfg.lease()}

	switch h := w.mux.handler(j.event.Type); {
	case undecodable != nil:
		err = j.refuse(ctx, undecodable)
	case h == nil:
		err = j.recordOnly(ctx)
	default:
		err = j.handle(ctx, h)
	}
	if err != nil {
		j.logUnfinished(ctx, err)
	}
	return err
}

// decode reads the record and its event, or says why it is none. Each call gives the event bytes of its own.
func (j *job) decode() error {
	j.record = j.item.raw.Decode()
	var err error
	j.event, err = decodeEvent(&j.record)
	return err
}

// decodeEvent reads the event of a record, of its replay, or of its dead letter: it is the same in all three. With an error
// it returns the identity under which a record that is no event is known.
func decodeEvent(r *event.Record) (event.Event, error) {
	from := origin(r)
	e, err := event.FromRecord(&from)
	if err != nil {
		e = event.Event{ID: from.Position(), Source: "/kafka/" + from.Topic}
	}
	return e, err
}

// recordOnly is the whole work on an event without a handler: one conditional write.
func (j *job) recordOnly(ctx context.Context) error {
	for waits := 1; ; waits++ {
		c, err := j.finish(ctx, event.Outcome{Status: event.StatusProcessed, Attempts: 1})
		switch {
		case err != nil:
			return err
		case c.State == event.ClaimGranted:
			j.logResult(ctx, "event processed", 1)
			return nil
		case c.State == event.ClaimDone:
			j.logResult(ctx, "event already done", 0)
			return nil
		case !j.waitForHolder(ctx, c.Until, waits):
			return errHeld
		}
	}
}

// refuse sends a record that is no event to the dead letter topic.
func (j *job) refuse(ctx context.Context, cause error) error {
	if granted, err := j.begin(ctx); !granted {
		return err
	}
	return j.deadLetter(ctx, 0, cause.Error())
}

// handle calls the handler until the event has reached its end or the time is up.
func (j *job) handle(ctx context.Context, h Handler) error {
	for {
		if granted, err := j.begin(ctx); !granted {
			return j.giveBack(ctx, j.claim.Attempt, err)
		}
		if j.claim.Attempt > j.cfg.MaxAttempts {
			return j.deadLetter(ctx, j.cfg.MaxAttempts, cmp.Or(j.claim.Reason, diedReason))
		}
		err := j.attempt(ctx, h, j.event)
		switch {
		case err == nil:
			return j.succeed(ctx)
		case isPermanent(err):
			return j.deadLetter(ctx, j.claim.Attempt, err.Error())
		case errors.Is(ctx.Err(), context.Canceled):
			// The process shuts down, which is not the event's fault. The attempt does not count.
			return j.giveBack(ctx, j.claim.Attempt-1, err)
		case j.claim.Attempt >= j.cfg.MaxAttempts:
			return j.deadLetter(ctx, j.claim.Attempt, err.Error())
		}
		j.logFailedAttempt(ctx, err)
		j.claim.Reason = event.Shorten(err.Error()) // for whoever takes over, should the next attempt end this process
		if !pause(ctx, j.backoff(j.claim.Attempt)) {
			return j.giveBack(ctx, j.claim.Attempt, err)
		}
		_ = j.decode() // fresh bytes: the handler may have changed the others, or still does
	}
}

// begin claims the event, after waiting for another consumer that works on it. Without an error, false says that the event
// is done already.
func (j *job) begin(ctx context.Context) (bool, error) {
	if j.claim.Owner == "" {
		j.claim.Owner = j.owner()
	}
	for waits, failures := 1, 0; ; waits++ {
		if ctx.Err() != nil {
			return false, errNoTime
		}
		c, err := j.store.Begin(ctx, j.claim)
		switch {
		case err != nil:
			// Asked again with the same owner: a claim whose answer was lost would else hold up the next delivery.
			if failures++; failures == j.cfg.MaxAttempts || !pause(ctx, j.backoff(failures)) {
				return false, fmt.Errorf("claim event: %w", err)
			}
		case c.State == event.ClaimGranted:
			if j.claim.State != event.ClaimGranted {
				j.claimed, j.inherited = time.Now(), c.Attempt > 1
			}
			j.claim = c
			return true, nil
		case c.State == event.ClaimDone:
			j.logResult(ctx, "event already done", 0)
			return false, nil
		case !j.waitForHolder(ctx, c.Until, waits):
			return false, errHeld
		}
	}
}

// waitForHolder waits until the other consumer may be done, at the longest until its lease ends.
func (j *job) waitForHolder(ctx context.Context, until time.Time, waits int) bool {
	return pause(ctx, max(j.cfg.BackoffBase, min(j.backoff(waits), time.Until(until))))
}

func (j *job) succeed(ctx context.Context) error {
	c, err := j.finish(ctx, event.Outcome{Status: event.StatusProcessed, Attempts: j.claim.Attempt})
	if err != nil {
		return err
	}
	if c.State == event.ClaimHeld {
		return errLost
	}
	j.logResult(ctx, "event processed", j.claim.Attempt)
	return nil
}

// deadLetter stores the dead letter before it remembers it. After a death in between the letter is found by the next one.
func (j *job) deadLetter(ctx context.Context, attempts int, reason string) error {
	closing := j.closing(ctx)
	o := event.Outcome{Status: event.StatusDeadLettered, Attempts: attempts, Reason: event.Shorten(reason)}
	there, found, err := j.earlierLetter(closing)
	switch {
	case err != nil:
		return j.giveBackFor(ctx, j.claim.Attempt, reason, fmt.Errorf("look for dead letter of an earlier attempt: %w", err))
	case found:
		o.Attempts, o.Reason, o.Letter = there.attempts, there.reason, there.place
	default:
		original := j.item.raw.Decode() // not the bytes that a handler had
		letter := newDeadLetter(&original, j.cfg.DeadLetterTopic, failure{err: reason, attempts: attempts, at: time.Now()})
		if o.Letter, err = j.deadLetters.Publish(closing, letter); err != nil {
			return j.giveBackFor(ctx, j.claim.Attempt, reason, fmt.Errorf("publish dead letter: %w", err))
		}
	}
	c, err := j.finish(closing, o)
	if err != nil {
		return err
	}
	if c.State == event.ClaimHeld {
		return errLost
	}
	j.logDeadLetter(ctx, o)
	return nil
}

// giveBack ends the lease, so that the next delivery need not wait for its end, and returns cause.
func (j *job) giveBack(ctx context.Context, attempts int, cause error) error {
	if cause == nil {
		return nil
	}
	return j.giveBackFor(ctx, attempts, cause.Error(), cause)
}

func (j *job) giveBackFor(ctx context.Context, attempts int, reason string, cause error) error {
	if j.claim.State != event.ClaimGranted {
		return cause
	}
	_, err := j.finish(ctx, event.Outcome{Status: event.StatusUnfinished, Attempts: attempts, Reason: event.Shorten(reason)})
	return errors.Join(cause, err)
}

// finish writes the outcome, with some persistence: what is not remembered will be done again.
func (j *job) finish(ctx context.Context, o event.Outcome) (event.Claim, error) {
	ctx = j.closing(ctx)
	o.Identity, o.Type, o.Hops = j.claim.Identity, j.event.Type, j.claim.Hops
	o.Topic, o.Partition, o.Offset = j.record.Topic, j.record.Partition, j.record.Offset
	for failures := 1; ; failures++ {
		o.At = time.Now()
		c, err := j.store.Finish(ctx, j.claim, o)
		if err == nil {
			return c, nil
		}
		if failures == j.cfg.MaxAttempts || !pause(ctx, j.backoff(failures)) {
			return c, fmt.Errorf("save outcome of event: %w", err)
		}
	}
}
