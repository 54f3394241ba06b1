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

// Store remembers what became of events. A failure of it is never the event's fault: the batch fails, and Kafka keeps it.
type Store interface {
	// Begin claims the event for c.Lease and counts an attempt. A claim that was granted may begin again, for its next
	// attempt, and says in c.Reason why the one before failed; its Owner shows that the lease is its own.
	Begin(ctx context.Context, c event.Claim) (event.Claim, error)

	// Finish writes the outcome of a claim, or gives it back with event.StatusUnfinished. A claim that never began is
	// finished in one conditional write, in which the first of two consumers wins.
	Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Claim, error)
}

// DeadLetters is the dead letter topic.
type DeadLetters interface {
	// Publish stores a record in the topic that it names, and returns where it lies, without an error only when it is safe
	// there: when all in-sync replicas have it.
	Publish(ctx context.Context, r event.Record) (event.Place, error)

	// Since yields the records of a topic with a timestamp from since on, up to where it ends now, or a last error. It is
	// asked only for records that an earlier process did not finish.
	Since(ctx context.Context, topic string, since time.Time) iter.Seq2[event.Record, error]
}

// Processor brings the records of a batch to their end. It is safe for concurrent use.
type Processor struct {
	cfg         Config
	mux         *Mux
	store       Store
	deadLetters DeadLetters
	log         *slog.Logger
	jitter      func(time.Duration) time.Duration // random in [0, d]
}

// New returns a Processor, or every problem of cfg, joined.
func New(cfg Config, mux *Mux, store Store, deadLetters DeadLetters, log *slog.Logger) (*Processor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure processor: %w", err)
	}
	return &Processor{cfg: cfg, mux: mux, store: store, deadLetters: deadLetters, log: log, jitter: randomUpTo}, nil
}

func randomUpTo(d time.Duration) time.Duration { return rand.N(d + 1) }

// Handle processes one invocation of the event source mapping; Function makes of it what Lambda invokes. ctx ends when
// Lambda does; Handle answers before that.
//
// The error says that not every record has reached its end, so that the whole batch must be delivered again. With
// Config.PartialBatchResponse there is no error: the response names, in each partition, the first record that has not
// reached its end and all behind it.
func (p *Processor) Handle(ctx context.Context, in *payload.Batch) (Response, error) {
	d := &deadlines{schedule: newSchedule(ctx, time.Now(), p.cfg.Margin)}
	defer d.close()
	ctx, cancel := d.work(ctx)
	defer cancel()

	b, letters := newBatch(in), p.newLetterbook()
	b.run(p.cfg.Concurrency, func(next func() *item) {
		w := &worker{Processor: p, deadlines: d, letters: letters}
		defer w.leaveCaller()
		for item := next(); item != nil; item = next() {
			item.err = w.process(ctx, item)
		}
	})

	answer := Response{BatchItemFailures: []BatchItemFailure{}}
	if p.cfg.PartialBatchResponse {
		answer.BatchItemFailures = b.failures()
		return answer, nil
	}
	return answer, b.err()
}
