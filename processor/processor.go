package processor

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// Store remembers outcomes. Its failures are never the event's fault: the batch fails, and Kafka delivers it again.
// Only event.ErrUnreadable, which a retry can't change, makes the event a dead letter.
type Store interface {
	// Begin claims the event for c.Lease and counts an attempt. The answer is granted, done or held. The owner of a claim
	// may begin again, for its next attempt, with the reason of the last failure in c.Reason.
	Begin(ctx context.Context, c event.Claim) (event.Reply, error)

	// Renew extends a granted lease. The answer is granted, done or held.
	Renew(ctx context.Context, c event.Claim) (event.Reply, error)

	// Finish writes the outcome of a claim. The answer is written, done or held. It also finishes a claim that never
	// began, in one conditional write: the first of two consumers wins.
	Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error)

	// Release ends a lease without an outcome: Kafka will deliver the event again. attempts replaces the count so far;
	// reason is why it failed.
	Release(ctx context.Context, c event.Claim, attempts int, reason string) error
}

// DeadLetters is the dead letter topic.
type DeadLetters interface {
	// Publish stores a record and returns its place. It returns no error only if all in-sync replicas have the record.
	Publish(ctx context.Context, r event.Record) (event.Place, error)

	// Since yields the records with a timestamp of since or later, up to the current end of the topic, and possibly an
	// error at the end. It is called only for records that an earlier process did not finish.
	Since(ctx context.Context, since time.Time) iter.Seq2[event.Record, error]
}

// Opener decrypts the data of events.
type Opener interface {
	// Open decrypts the event's data, if it is encrypted. The error wraps event.ErrForgotten if the key was deleted, and
	// event.ErrNoKey if a retry can't help. Any other error is not the event's fault: the batch fails, and Kafka delivers
	// it again.
	Open(ctx context.Context, e *event.Event) error
}

// Processor brings each record of a batch to its end: processed, or a dead letter. It is safe for concurrent use.
type Processor struct {
	cfg         Config
	mux         *Mux
	store       Store
	deadLetters DeadLetters
	log         *slog.Logger
	jitter      func(time.Duration) time.Duration // random in [d/2, d]
}

// New returns a Processor, or all problems of cfg, joined.
func New(cfg Config, mux *Mux, store Store, deadLetters DeadLetters, log *slog.Logger) (*Processor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure processor: %w", err)
	}
	return &Processor{cfg: cfg, mux: mux, store: store, deadLetters: deadLetters, log: log, jitter: jitter}, nil
}

// jitter spreads the retries of events that failed together. It keeps at least half of the pause, because the sum of
// the pauses must outlast an outage.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// Handle processes one invocation of the event source mapping; payload.Function makes a Lambda handler of it. ctx ends
// with the invocation; Handle returns before that.
//
// The error says that not every record is finished, so that the whole batch must be delivered again. With
// Config.PartialBatchResponse there is no error: the response names, for each partition, the first unfinished record
// and all behind it.
func (p *Processor) Handle(ctx context.Context, in *payload.Batch) (payload.Response, error) {
	c := &crew{
		Processor: p, schedule: newSchedule(ctx, time.Now(), p.cfg.Margin),
		batch: newBatch(in, p.mux), letters: p.newEarlierLetters(), slots: make(chan struct{}, p.cfg.Concurrency),
	}
	var cancel, cancelAnswer context.CancelFunc
	c.ctx, cancel = c.work(ctx)
	defer cancel()
	c.end, cancelAnswer = c.answer()
	defer cancelAnswer()
	c.run()

	answer := payload.Response{BatchItemFailures: []payload.BatchItemFailure{}}
	if p.cfg.PartialBatchResponse {
		answer.BatchItemFailures = c.batch.failures()
		return answer, nil
	}
	return answer, c.batch.err()
}
