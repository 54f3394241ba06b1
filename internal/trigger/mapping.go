package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// leaveTimeout bounds the good-bye to the group. A broker that is slower notices by the session timeout.
const leaveTimeout = 3 * time.Second

// Mapping reads a topic and invokes a function with what it reads, as the event source mapping of MSK does.
//
// How it treats a failing batch differs from AWS in one point that is not documented there. A batch may mix partitions.
// When it fails, each of its partitions is retried by itself, side by side, and the other partitions of the topic go on
// with new batches; so a record that always fails holds up its own partition and no other. On AWS pollers own
// partitions, which comes to the same once there is a poller for each. What the function sees of one partition is the
// same in both: the same records, in order, until they succeed.
type Mapping struct {
	cfg     Config
	invoker Invoker
}

// New checks the config. The function behind invoker is invoked by Run.
func New(cfg Config, invoker Invoker) (*Mapping, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("event source mapping: %w", err)
	}
	return &Mapping{cfg: cfg.withDefaults(), invoker: invoker}, nil
}

// Run consumes until ctx ends, and then returns nil: the running invocations get ShutdownGrace to finish, what they did
// is committed, and the group is left. Brokers that cannot be reached are tried again for ever. The error is one of the
// client options, found before anything is consumed.
func (m *Mapping) Run(ctx context.Context) error {
	// Invocations outlive ctx by the grace, which begins when ctx ends.
	invoking, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-time.After(m.cfg.ShutdownGrace):
			abandon()
		case <-invoking.Done():
		}
	})()

	c := &consumer{
		cfg: m.cfg, invoker: m.invoker, log: m.cfg.Logger.With("topic", m.cfg.Topic, "group", m.cfg.ConsumerGroup),
		invoking: invoking, slots: make(chan struct{}, m.cfg.Concurrency), claims: map[int32]*claim{}, turn: -1,
		emptyPayload: len(m.cfg.Source.AppendPayload(nil, nil)),
	}
	// Requests end with this context, so that closing the client does not wait for a broker that hangs.
	requesting, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	client, err := kgo.NewClient(append(m.cfg.ClientOptions[:len(m.cfg.ClientOptions):len(m.cfg.ClientOptions)],
		kgo.WithContext(requesting),
		kgo.ConsumeTopics(m.cfg.Topic),
		kgo.ConsumerGroup(m.cfg.ConsumerGroup),
		// TRIM_HORIZON: a group without commits starts at the earliest record.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		// If retention overtook the commit, go on at the earliest record that is left; never skip to the end.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// A commit says that the function took the records; only an invocation can know.
		kgo.DisableAutoCommit(),
		// Between a poll and the filing of its records no partition may change hands. It is allowed again at once, not
		// after the invocation: a retry may take longer than the group waits for a rebalance.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, p map[string][]int32) {
			c.assign(ctx, p[m.cfg.Topic])
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, p map[string][]int32) {
			c.release(p[m.cfg.Topic], m.cfg.ShutdownGrace)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, p map[string][]int32) {
			c.release(p[m.cfg.Topic], 0)
		}),
	)...)
	if err != nil {
		return fmt.Errorf("create consumer of %s: %w", m.cfg.Topic, err)
	}
	defer client.CloseAllowingRebalance()
	c.client = client

	c.consume(ctx)
	c.retries.Wait()

	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	if err := client.LeaveGroupContext(leave); err != nil {
		// Nothing is lost by it: the group notices by its session timeout.
		c.log.Info("the consumer group was not left in order", "error", err)
	}
	endRequests()
	return nil
}

// consumer is the state of one Run.
type consumer struct {
	cfg      Config
	invoker  Invoker
	log      *slog.Logger
	client   *kgo.Client
	invoking context.Context // ends when invocations have to
	slots    chan struct{}   // one taken for each running invocation
	retries  sync.WaitGroup  // partitions that are being retried

	onFailure sync.Mutex // held while a line is written to the on-failure destination

	emptyPayload int    // bytes of a payload without records
	scratch      []byte // for measuring records

	mu       sync.Mutex // guards what follows and the claims' fields of the same mark
	claims   map[int32]*claim
	turn     int32              // the partition that the last batch ended with
	landed   bool               // a partition became free since the last look
	wakePoll context.CancelFunc // ends the poll that waits for records

	// commits is held while offsets are committed and while a claim ends, so that no commit can follow the end.
	commits sync.Mutex
}

// consume gathers batches and invokes the function with them, until ctx ends.
func (c *consumer) consume(ctx context.Context) {
	for ctx.Err() == nil {
		batch, wait := c.take(time.Now())
		if batch == nil {
			c.poll(ctx, wait)
			continue
		}
		c.first(ctx, batch)
	}
}

// poll waits for records and files them with their partitions. A wait of 0 or more limits it.
func (c *consumer) poll(ctx context.Context, wait time.Duration) {
	polling, cancel := context.WithCancel(ctx)
	defer cancel()
	if wait >= 0 {
		defer time.AfterFunc(wait, cancel).Stop()
	}
	fetches := c.client.PollRecords(polling, c.prepareToPoll(cancel))
	fetches.EachError(func(_ string, partition int32, err error) {
		if polling.Err() == nil || !errors.Is(err, polling.Err()) {
			c.log.Warn("cannot read from Kafka, trying again", "partition", partition, "error", err)
		}
	})
	c.file(fetches.Records(), time.Now())
	c.client.AllowRebalance()
}
