package processor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"event-processing-service/internal/event"
)

// attrs says which event and where it lies. Its data is never logged.
func (j *job) attrs(attempts int, more ...slog.Attr) []slog.Attr {
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("event_id", j.event.ID),
		slog.String("event_type", j.event.Type),
		slog.String("event_source", j.event.Source),
		slog.String("topic", j.record.Topic),
		slog.Int("partition", int(j.record.Partition)),
		slog.Int64("offset", j.record.Offset),
		slog.Int("attempts", attempts),
		slog.Float64("duration_ms", float64(time.Since(j.started).Microseconds())/1000),
	)
	return append(attrs, more...)
}

func (j *job) logResult(ctx context.Context, result string, attempts int) {
	if j.log.Enabled(ctx, slog.LevelInfo) {
		j.log.LogAttrs(ctx, slog.LevelInfo, result, j.attrs(attempts)...)
	}
}

func (j *job) logDeadLetter(ctx context.Context, o event.Outcome) {
	j.log.LogAttrs(ctx, slog.LevelInfo, "event dead-lettered", j.attrs(o.Attempts, slog.String("error", o.Reason),
		slog.String("letter_topic", o.Letter.Topic), slog.Int("letter_partition", int(o.Letter.Partition)), slog.Int64("letter_offset", o.Letter.Offset))...)
}

func (j *job) logNotLookedFor(ctx context.Context, err error) {
	j.log.LogAttrs(ctx, slog.LevelWarn, "could not look for a dead letter of an earlier attempt: it may be there twice",
		j.attrs(j.claim.Attempt, slog.String("error", err.Error()))...)
}

func (j *job) logUnfinished(ctx context.Context, err error) {
	j.log.LogAttrs(ctx, slog.LevelWarn, "event not finished", j.attrs(j.claim.Attempt, slog.String("error", err.Error()))...)
}

func (j *job) logFailedAttempt(ctx context.Context, err error) {
	attrs := j.attrs(j.claim.Attempt, slog.String("error", err.Error()))
	var panicked *panicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	j.log.LogAttrs(ctx, slog.LevelWarn, "attempt failed", attrs...)
}
