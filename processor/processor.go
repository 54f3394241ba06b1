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

// Store remembers what became of events. A failure of it is never the event's fault: the batch fails, and Kafka keeps
// it. Only event.ErrUnreadable, which no retry changes, sends the event to the dead letter topic.
type Store interface {
	// Begin claims the event for c.Lease and counts an attempt: granted, done or held. A claim that was granted may begin
	// again, for its next attempt, and says in c.Reason why the one before failed; its Owner shows that the lease is its
	// own.
	Begin(ctx context.Context, c event.Claim) (event.Reply, error)

	// Renew moves the end of a lease that was granted: granted, done or held.
	Renew(ctx context.Context, c event.Claim) (event.Reply, error)

	// Finish writes the outcome of a claim: written, done or held. A claim that never began is finished in one conditional
	// write, in which the first of two consumers wins.
	Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error)

	// Release ends a lease without an outcome: Kafka will deliver the event again. attempts is what counts of the work so
	// far, reason why it failed.
	Release(ctx context.Context, c event.Claim, attempts int, reason string) error
}

// DeadLetters is the dead letter topic.
type DeadLetters interface {
	// Publish stores a record and returns where it lies, without an error only when it is safe there: when all in-sync
	// replicas have it.
	Publish(ctx context.Context, r event.Record) (event.Place, error)

	// Since yields the records with a timestamp from since on, up to where the topic ends now, or a last error. It is
	// asked only for records that an earlier process did not finish.
	Since(ctx context.Context, since time.Time) iter.Seq2[event.Record, error]
}

// Opener decrypts the data of events.
type Opener interface {
	// Open decrypts the event's data, if it is encrypted. The error wraps event.ErrForgotten where its key was deleted,
	// and event.ErrNoKey where no retry helps. Any other is never the event's fault: the batch fails, and Kafka keeps it.
	Open(ctx context.Context, e *event.Event) error
}

// Processor brings the records of a batch to their end. It is safe for concurrent use.
type Processor struct {
	cfg         Config
	mux         *Mux
	store       Store
	deadLetters DeadLetters
	log         *slog.Logger
	jitter      func(time.Duration) time.Duration // random in [d/2, d]
}

// New returns a Processor, or every problem of cfg, joined.
func New(cfg Config, mux *Mux, store Store, deadLetters DeadLetters, log *slog.Logger) (*Processor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure processor: %w", err)
	}
	return &Processor{cfg: cfg, mux: mux, store: store, deadLetters: deadLetters, log: log, jitter: jitter}, nil
}

// jitter keeps events that failed together from coming back together, and half of the pause: what rides out an outage
// is the sum of the pauses.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// Handle processes one invocation of the event source mapping; payload.Function makes it what Lambda invokes. ctx ends
// when Lambda does; Handle answers before that.
//
// The error says that not every record has reached its end, so that the whole batch must be delivered again. With
// Config.PartialBatchResponse there is no error: the response names, in each partition, the first record that has not
// reached its end and all behind it.
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
