package processor

import (
	"context"
	"log/slog"
	"time"

	"event-processing-service/internal/event"
)

// attrs says which event it is and where its record is. Data is never logged.
func (j *job) attrs(attempts int, more ...slog.Attr) []slog.Attr {
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("event_id", event.Shorten(j.event.ID)), // Kafka producers can send any length
		slog.String("event_type", event.Shorten(j.event.Type)),
		slog.String("event_source", event.Shorten(j.event.Source)),
		slog.String("topic", j.record.Topic),
		slog.Int("partition", int(j.record.Partition)),
		slog.Int64("offset", j.record.Offset),
		slog.Int("attempts", attempts),
		slog.Float64("duration_ms", milliseconds(time.Since(j.started))),
	)
	if j.claim.Hops > 0 { // it is a replay
		attrs = append(attrs, slog.Int("replays", j.claim.Hops))
	}
	return append(attrs, more...)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// logStep logs progress for tools that follow it, such as the console. It costs nothing unless the level is DEBUG.
func (j *job) logStep(ctx context.Context, step string, more ...slog.Attr) {
	if j.log.Enabled(ctx, slog.LevelDebug) {
		j.log.LogAttrs(ctx, slog.LevelDebug, step, j.attrs(j.attempts(), more...)...)
	}
}

func (j *job) logResult(ctx context.Context, result string, attempts int) {
	if j.log.Enabled(ctx, slog.LevelInfo) {
		j.log.LogAttrs(ctx, slog.LevelInfo, result, j.attrs(attempts)...)
	}
}

func (j *job) logDeadLetter(ctx context.Context, o event.Outcome) {
	message := "event dead-lettered"
	if o.Incomplete {
		message = "event dead-lettered without its value, which is too large for the dead letter topic"
	}
	j.log.LogAttrs(ctx, slog.LevelWarn, message, j.attrs(o.Attempts, slog.String("error", o.Reason),
		slog.String("letter_topic", o.Letter.Topic), slog.Int("letter_partition", int(o.Letter.Partition)),
		slog.Int64("letter_offset", o.Letter.Offset))...)
}

func (j *job) logNotLookedFor(ctx context.Context, err error) {
	j.log.LogAttrs(ctx, slog.LevelWarn, "could not look for a dead letter of an earlier attempt: it may be there twice",
		j.attrs(j.attempts(), slog.String("error", event.Shorten(err.Error())))...)
}

func (j *job) logUnfinished(ctx context.Context, err error) {
	j.log.LogAttrs(ctx, slog.LevelWarn, "event not finished",
		j.attrs(j.attempts(), slog.String("error", event.Shorten(err.Error())))...)
}

func (j *job) logFailedAttempt(ctx context.Context, failure *handlerError) {
	attrs := j.attrs(j.attempts(), slog.String("error", event.Shorten(failure.text)))
	if failure.stack != "" {
		attrs = append(attrs, slog.String("stack", failure.stack))
	}
	j.log.LogAttrs(ctx, slog.LevelWarn, "attempt failed", attrs...)
}
