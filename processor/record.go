package processor

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/telemetry"
)

var (
	errNoTime = errors.New("not begun: the time of the invocation is up")
	errHeld   = errors.New("another consumer works on the event")
	errLost   = errors.New("another consumer took the event over before this one was done with it")
)

// diedReason is the reason of a dead letter whose attempts all ended with their process.
const diedReason = "no attempt came to a result: the process died, or was killed, each time"

// job is the work on one record.
type job struct {
	*worker
	item       *item
	record     event.Record
	event      event.Event   // of an undecodable record it has only source and id, made of its place
	handler    *registration // nil: none
	claim      event.Claim
	claimed    time.Time // since when this job holds the lease
	inherited  bool      // another process began before, and may have stored the dead letter
	unreadable bool      // the store's item of the event can't be read
	started    time.Time
}

// process brings one record to its end, or returns why it can't now. Either way it writes one log line once work has
// begun.
func (w *worker) process(ctx context.Context, i *item) (err error) {
	if ctx.Err() != nil {
		return errNoTime
	}
	j := job{worker: w, item: i, started: time.Now()}
	undecodable := j.decode()
	if to := addressee(&j.record); to != Everybody && to != w.cfg.Name {
		j.logStep(ctx, "record for another processor passed over", slog.String("for", event.Shorten(to)))
		return nil
	}
	ctx, end := telemetry.StartRecord(ctx, &j.record)
	defer func() { end(err) }()
	j.claim = event.Claim{Identity: j.event.Identity(), Type: j.event.Type, Hops: hops(&j.record), Lease: w.cfg.lease()}
	j.claim.Company = w.batch.company

	j.handler = w.mux.handler(j.event.Type)
	refused := undecodable
	if refused == nil && !j.event.IsSealed() { // encrypted data is checked after it is decrypted
		refused = j.held(ctx)
	}
	switch {
	case refused != nil:
		err = j.refuse(ctx, refused)
	case j.handler == nil:
		err = j.recordOnly(ctx)
	default:
		err = j.handle(ctx)
	}
	if j.unreadable {
		err = j.bury(ctx, err)
	}
	if err != nil {
		j.logUnfinished(ctx, err)
	}
	return err
}

// decode reads the record and its event, or returns why it is not one. Each call gives the event new bytes.
func (j *job) decode() error {
	j.record = j.item.raw.Decode()
	var err error
	j.event, err = Decode(&j.record, j.cfg.ForeignIDMember)
	return err
}

// recordOnly handles an event without a handler: one conditional write.
func (j *job) recordOnly(ctx context.Context) error {
	for waits := 1; ; waits++ {
		r, err := j.finish(ctx, event.Outcome{Status: event.StatusProcessed, Attempts: 1})
		switch {
		case err != nil:
			return err
		case r.Answer == event.Written:
			j.logResult(ctx, "event processed", 1)
			return nil
		case r.Answer == event.Done:
			j.logResult(ctx, "event already done", 0)
			return nil
		case !j.waitForHolder(ctx, r.Until, waits):
			return errHeld
		}
	}
}

// refuse makes a dead letter of a record without calling a handler.
func (j *job) refuse(ctx context.Context, cause error) error {
	if granted, err := j.begin(ctx); !granted {
		return err
	}
	return j.deadLetter(ctx, 0, cause.Error())
}

// handle calls the handler until the event has reached its end or the time is over.
func (j *job) handle(ctx context.Context) error {
	if !j.enter(ctx) {
		return errNoTime
	}
	defer j.leave()
	most := j.handler.attemptsOr(j.cfg.MaxAttempts)
	for {
		if granted, err := j.begin(ctx); !granted {
			return j.giveBack(ctx, j.attempts(), err)
		}
		if j.attempts() > most {
			return j.deadLetter(ctx, most, cmp.Or(j.claim.Last.Reason, diedReason))
		}
		if done, err := j.unseal(ctx); done {
			return err
		}
		j.logStep(ctx, "attempt begins")
		failure := j.attempt(ctx)
		switch {
		case failure == nil:
			j.handler.successes.Add(1)
			return j.succeed(ctx)
		case failure.permanent:
			return j.deadLetter(ctx, j.attempts(), failure.text)
		case errors.Is(ctx.Err(), context.Canceled):
			// The process shuts down, which is not the event's fault. The attempt does not count.
			return j.giveBack(ctx, j.attempts()-1, failure)
		case j.attempts() >= most:
			return j.deadLetter(ctx, j.attempts(), failure.text)
		}
		j.logFailedAttempt(ctx, failure)
		j.claim.Reason = event.Shorten(failure.text) // for the next process, in case this one dies during the next attempt
		if !j.backOff(ctx) {
			return j.giveBack(ctx, j.attempts(), failure)
		}
		_ = j.decode() // new bytes, because the handler may have changed the others, or still does
	}
}

// enter waits until the handler can take one more event, while others work. It returns false if the time is over.
func (j *job) enter(ctx context.Context) bool {
	if j.handler.limit == nil {
		return true
	}
	select {
	case j.handler.limit <- struct{}{}:
		return true
	default:
	}
	j.lend()
	defer j.takeSlot()
	select {
	case j.handler.limit <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (j *job) leave() {
	if j.handler.limit != nil {
		<-j.handler.limit
	}
}

// attempts is how often work on the record has begun, including this claim's attempt.
func (j *job) attempts() int { return j.claim.Last.Attempt }

func (j *job) isGranted() bool { return j.claim.Last.Answer == event.Granted }

// begin claims the event. If another consumer has it, it waits for that one. It returns false without an error if
// nothing is left to do.
func (j *job) begin(ctx context.Context) (bool, error) {
	if j.claim.Owner == "" {
		j.claim.Owner = newOwner()
	}
	for waits, failures := 1, 0; ; waits++ {
		if ctx.Err() != nil {
			return false, errNoTime
		}
		r, err := j.store.Begin(ctx, j.claim)
		switch {
		case err != nil:
			// Retried with the same owner: if the answer to a claim was lost, a new owner would have to wait for its lease.
			j.unreadable = errors.Is(err, event.ErrUnreadable)
			if failures++; j.unreadable || failures == j.cfg.MaxAttempts || !j.rest(ctx, j.retryAfter(failures)) {
				return false, fmt.Errorf("claim event: %w", err)
			}
		case r.Answer == event.Granted:
			if r.Attempt > j.claim.Last.Attempt+1 {
				j.claimed, j.inherited = time.Now(), true
			}
			j.claim.Last, j.claim.Reason = r, r.Reason
			return true, nil
		case r.Answer == event.Done:
			j.logResult(ctx, "event already done", 0)
			return false, nil
		case !j.waitForHolder(ctx, r.Until, waits):
			return false, errHeld
		}
	}
}

// newOwner returns a name that is unique among all processes: 128 random bits.
func newOwner() string {
	var random [16]byte
	binary.BigEndian.PutUint64(random[:8], rand.Uint64())
	binary.BigEndian.PutUint64(random[8:], rand.Uint64())
	var name [2 * len(random)]byte // hex.EncodeToString would allocate twice per event
	hex.Encode(name[:], random[:])
	return string(name[:])
}

// waitForHolder waits until the other consumer may be done, at most until its lease ends.
func (j *job) waitForHolder(ctx context.Context, until time.Time, waits int) bool {
	return j.rest(ctx, max(j.cfg.retryBase(), min(j.retryAfter(waits), time.Until(until))))
}
