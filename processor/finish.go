package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"event-processing-service/internal/event"
)

func (j *job) succeed(ctx context.Context) error {
	r, err := j.finish(ctx, event.Outcome{Status: event.StatusProcessed, Attempts: j.attempts()})
	if err != nil {
		return err
	}
	if r.Answer == event.Held {
		return errLost
	}
	j.logResult(ctx, "event processed", j.attempts())
	return nil
}

// deadLetter stores the dead letter, and then the outcome. If the process dies in between, its successor finds the
// letter.
func (j *job) deadLetter(ctx context.Context, attempts int, reason string) error {
	closing, cancel := context.WithDeadline(j.closing(ctx), j.closingEnd(time.Now()))
	defer cancel()
	o := event.Outcome{Status: event.StatusDeadLettered, Attempts: attempts, Reason: event.Shorten(reason)}
	there, found, err := j.earlierLetter(closing)
	switch {
	case err != nil:
		return j.giveBackFor(ctx, j.attempts(), reason, fmt.Errorf("look for dead letter of an earlier attempt: %w", err))
	case found:
		o.Attempts, o.Reason, o.Letter = there.attempts, there.reason, there.place
	default:
		if err := j.publishLetter(closing, &o); err != nil {
			return j.giveBackFor(ctx, j.attempts(), reason, err)
		}
	}
	r, err := j.finish(closing, o)
	if err != nil {
		return err
	}
	if r.Answer == event.Held {
		return errLost
	}
	j.logDeadLetter(ctx, o)
	return nil
}

// publishLetter stores the dead letter, and writes its place into o. If the letter is too large for the topic, it is
// stored without the part that is too large: otherwise it would stop its partition for ever.
func (j *job) publishLetter(ctx context.Context, o *event.Outcome) (err error) {
	original := j.item.raw.Decode() // not the bytes that a handler could change
	letter := newDeadLetter(&original, j.cfg.DeadLetterTopic, failure{
		err: o.Reason, attempts: o.Attempts, at: time.Now(), processor: j.cfg.Name,
	})
	o.Letter, err = j.deadLetters.Publish(ctx, letter)
	for _, omit := range []func(*event.Record){omitValue, omitAll} {
		if event.FailureOf(err) != event.FailureTooLarge {
			break
		}
		o.Incomplete = true
		omit(&letter)
		o.Letter, err = j.deadLetters.Publish(ctx, letter)
	}
	if err != nil {
		return fmt.Errorf("publish dead letter: %w", err)
	}
	return nil
}

// bury makes a dead letter of an event whose item in the store can't be read. Whether the event took effect is
// unknown, so no handler is called, and the operator decides. A redelivery makes a second letter.
func (j *job) bury(ctx context.Context, cause error) error {
	o := event.Outcome{Status: event.StatusDeadLettered, Attempts: j.attempts(), Reason: event.Shorten(cause.Error())}
	closing, cancel := context.WithDeadline(j.closing(ctx), j.closingEnd(time.Now()))
	defer cancel()
	if err := j.publishLetter(closing, &o); err != nil {
		return err
	}
	j.logDeadLetter(ctx, o)
	return nil
}

// giveBack ends the lease, so that the next delivery need not wait for it, and returns cause.
func (j *job) giveBack(ctx context.Context, attempts int, cause error) error {
	if cause == nil {
		return nil
	}
	return j.giveBackFor(ctx, attempts, cause.Error(), cause)
}

func (j *job) giveBackFor(ctx context.Context, attempts int, reason string, cause error) error {
	if !j.isGranted() {
		return cause
	}
	err := j.persist(ctx, "release event", func(ctx context.Context) error {
		return j.store.Release(ctx, j.claim, attempts, event.Shorten(reason))
	})
	return errors.Join(cause, err)
}

// finish writes the outcome.
func (j *job) finish(ctx context.Context, o event.Outcome) (r event.Reply, err error) {
	o.Identity, o.Type, o.Hops, o.Place = j.claim.Identity, j.event.Type, j.claim.Hops, j.record.Place
	o.Client = j.record.Client()
	err = j.persist(ctx, "save outcome of event", func(ctx context.Context) (err error) {
		o.At = time.Now()
		r, err = j.store.Finish(ctx, j.claim, o)
		return err
	})
	return r, err
}

// persist repeats a change of the store, because an outcome that is not stored means that the work is repeated. The
// store bounds the first call, nearly always the only one; the margin bounds those after a failure.
func (j *job) persist(ctx context.Context, doing string, change func(context.Context) error) error {
	end := j.closingEnd(time.Now())
	ctx = j.closing(ctx)
	for failures := 1; ; failures++ {
		err := change(ctx)
		if err == nil {
			return nil
		}
		if failures == 1 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end)
			defer cancel()
		}
		j.unreadable = errors.Is(err, event.ErrUnreadable)
		if j.unreadable || failures == j.cfg.MaxAttempts || !pause(ctx, j.retryAfter(failures)) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
}
