package processor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"event-processing-service/internal/event"
)

// unseal decrypts the event's data for its handler. It returns true if the work on the event ends here: an event of a
// forgotten subject is done, an event that can't be decrypted becomes a dead letter, still encrypted. If the keys
// can't be read, the event waits, and no attempt is counted.
func (j *job) unseal(ctx context.Context) (done bool, err error) {
	if !j.event.IsSealed() {
		return false, nil
	}
	if j.cfg.Opener == nil {
		return true, j.deadLetter(ctx, j.attempts()-1, "the data is encrypted, and this processor has no keys")
	}
	for failures := 1; ; failures++ {
		e := j.event // a pointer to the job's event would allocate for each job
		err := j.cfg.Opener.Open(ctx, &e)
		switch {
		case err == nil:
			j.event = e
			if refused := j.held(ctx); refused != nil {
				return true, j.deadLetter(ctx, j.attempts()-1, refused.Error())
			}
			return false, nil
		case errors.Is(err, event.ErrForgotten):
			return true, j.forget(ctx)
		case errors.Is(err, event.ErrNoKey):
			return true, j.deadLetter(ctx, j.attempts()-1, err.Error())
		case failures == j.cfg.MaxAttempts || !j.rest(ctx, j.retryAfter(failures)):
			return true, j.giveBack(ctx, j.attempts()-1, fmt.Errorf("decrypt data: %w", err))
		}
	}
}

// forget stores the event as done without effect.
func (j *job) forget(ctx context.Context) error {
	r, err := j.finish(ctx, event.Outcome{
		Status: event.StatusProcessed, Attempts: j.attempts() - 1, Reason: event.ReasonForgotten,
	})
	if err != nil {
		return err
	}
	if r.Answer == event.Held {
		return errLost
	}
	j.log.LogAttrs(ctx, slog.LevelInfo, "event passed over: its subject was forgotten", j.attrs(j.attempts()-1)...)
	return nil
}
