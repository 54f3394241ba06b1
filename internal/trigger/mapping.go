// Package trigger is the event source mapping of Amazon MSK for machines without AWS: it reads a topic as a consumer
// group, hands batches to a function in the payload of AWS Lambda, and commits what the function took.
//
// A [Mapping] reads, batches, retries and commits. It reaches the function through an [Invoker]: in process
// ([InProcess]), or through the Lambda Runtime API with the real bootstrap binary as a child process ([RuntimeAPI]).
// The function cannot tell this from AWS, so what is tested here is what is deployed there.
//
// Delivery is at least once. A record is committed after the function took it; no record is skipped.
package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// leaveTimeout bounds the wait for the group's answer when this member leaves. A slower broker notices by the session
	// timeout.
	leaveTimeout = 3 * time.Second
	// quiet is the pause between two log lines about the same persistent fault.
	quiet = 10 * time.Second
)

// seldom tells when to log a persistent fault: at first, and then after each pause of quiet.
type seldom struct{ last time.Time }

func (s *seldom) now() bool {
	if !s.last.IsZero() && time.Since(s.last) < quiet {
		return false
	}
	s.last = time.Now()
	return true
}

// Mapping reads a topic and invokes a function with its records, as the event source mapping of MSK does when it has
// one poller for each partition. Each partition has its own batches, so a record that fails, or that takes long,
// delays only its own partition.
type Mapping struct {
	cfg     Config
	invoker Invoker
}

// New checks the config. Run invokes the function, for each partition at most once at a time.
func New(cfg Config, invoker Invoker) (*Mapping, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("event source mapping: %w", err)
	}
	return &Mapping{cfg: cfg.withDefaults(), invoker: invoker}, nil
}

// Run consumes until ctx ends and then returns nil: running invocations get ShutdownGrace to finish, their records are
// committed, and the member leaves the group. Run waits for brokers that cannot be reached and for a topic that does
// not exist, and logs that; it reads a topic that is deleted and created again from its start. The only error is an
// invalid client option, found before anything is consumed.
func (m *Mapping) Run(ctx context.Context) error {
	// Invocations outlive ctx by the grace, which begins when ctx ends.
	invoking, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	defer context.AfterFunc(ctx, func() {
		pause(invoking, m.cfg.ShutdownGrace)
		abandon()
	})()
	log := m.cfg.Logger.With("topic", m.cfg.Topic, "group", m.cfg.ConsumerGroup)
	var topic kadm.TopicID
	for ctx.Err() == nil {
		var err error
		if topic, err = awaitTopic(ctx, m.cfg, topic, log); err != nil {
			return err
		}
		c := &consumer{
			cfg: m.cfg, invoker: m.invoker, log: log, invoking: invoking, pollers: map[int32]*poller{},
			emptyPayload: len(m.cfg.Source.AppendPayload(nil, nil)),
		}
		if err := c.run(ctx); err != nil {
			return err
		}
		pause(ctx, lookInterval) // so as not to ask without pause while the broker says that the topic is gone
	}
	return nil
}

// consumer is one membership in the group.
type consumer struct {
	cfg      Config
	invoker  Invoker
	log      *slog.Logger
	client   *kgo.Client
	invoking context.Context // ends when invocations must end

	emptyPayload int    // bytes of a payload without records
	scratch      []byte // for measuring records

	mu      sync.Mutex // guards pollers and what waits in them
	pollers map[int32]*poller

	// commits is held while offsets are committed and while pollers end, so that no commit comes after the end.
	commits sync.Mutex
}

// run consumes until ctx ends or the topic is gone.
func (c *consumer) run(ctx context.Context) error {
	// Requests end with this context, so that closing the client does not wait for a broker that hangs.
	requesting, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	client, err := kgo.NewClient(append(c.cfg.ClientOptions[:len(c.cfg.ClientOptions):len(c.cfg.ClientOptions)],
		kgo.WithContext(requesting),
		kgo.ConsumeTopics(c.cfg.Topic),
		kgo.ConsumerGroup(c.cfg.ConsumerGroup),
		// TRIM_HORIZON: a group without commits starts at the earliest record.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		// If retention removed records that are not committed, continue at the earliest one left; never skip to the end.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// Records of aborted or undecided transactions must not take effect.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Commits include the markers that end transactions. Without that, a group that is done would seem to be one record
		// behind.
		kgo.KeepControlRecords(),
		// A commit means that the function took the records, which only an invocation knows.
		kgo.DisableAutoCommit(),
		// No partition may be reassigned between a poll and the filing of its records. After that it may, even during an
		// invocation: a retry may take longer than the group waits for a rebalance.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, p map[string][]int32) {
			c.assign(ctx, p[c.cfg.Topic])
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, p map[string][]int32) {
			c.release(p[c.cfg.Topic], c.cfg.ShutdownGrace)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, p map[string][]int32) {
			c.release(p[c.cfg.Topic], 0)
		}),
	)...)
	if err != nil {
		return fmt.Errorf("create consumer of %s: %w", c.cfg.Topic, err)
	}
	defer client.CloseAllowingRebalance()
	c.client = client

	gone := c.poll(ctx)
	if gone {
		c.log.Warn("the topic, or a partition of it, is gone; joining the group again")
		c.releaseAll(0) // before leaving: a commit of an old offset would skip records of the new topic
	} else {
		c.releaseAll(c.cfg.ShutdownGrace)
	}
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	if err := client.LeaveGroupContext(leave); err != nil {
		// No harm: the group notices by its session timeout.
		c.log.Info("leaving the consumer group failed", "error", err)
	}
	endRequests()
	return nil
}

// poll hands records to the pollers of their partitions. It reports true if it ended because the topic is gone.
func (c *consumer) poll(ctx context.Context) (gone bool) {
	var unreadable seldom
	for ctx.Err() == nil && !gone {
		fetches := c.client.PollRecords(ctx, c.cfg.BatchSize)
		fetches.EachError(func(_ string, partition int32, err error) {
			switch {
			case ctx.Err() != nil:
			case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.UnknownTopicOrPartition):
				gone = true // the client never continues with a new topic of the same name
			case unreadable.now():
				c.log.Warn("cannot read from Kafka, trying again", "partition", partition, "error", err)
			}
		})
		c.file(fetches.Records(), time.Now())
		c.client.AllowRebalance()
	}
	return gone
}

// file appends records to those that wait. A partition with several waiting batches is not read further, because its
// records would fill the memory.
func (c *consumer) file(records []*kgo.Record, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		p, ok := c.pollers[r.Partition]
		if !ok {
			continue
		}
		size := 0 // a marker is not sent
		if !r.Attrs.IsControl() {
			c.scratch = appendRecord(c.scratch[:0], r)
			size = len(c.scratch) + len(",")
		}
		p.pending = append(p.pending, waiting{r, size, now})
		p.bytes += size
		if !p.paused && (len(p.pending) >= waitingBatches*c.cfg.BatchSize || p.bytes >= 2*c.cfg.MaxPayloadBytes) {
			p.paused = true
			c.client.PauseFetchPartitions(map[string][]int32{c.cfg.Topic: {r.Partition}})
		}
		select {
		case p.arrived <- struct{}{}:
		default:
		}
	}
}

// waitingBatches is the largest number of waiting batches of a partition. A pause discards what the client has
// fetched, so it should be rare while the function is merely busy.
const waitingBatches = 10

func (c *consumer) assign(ctx context.Context, partitions []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range partitions {
		p := &poller{consumer: c, partition: n, arrived: make(chan struct{}, 1), done: make(chan struct{})}
		p.ctx, p.end = context.WithCancel(ctx)
		c.pollers[n] = p
		go p.run()
	}
	c.log.Info("partitions assigned", "partitions", partitions)
}

// release gives partitions up. The group waits for it, so the next owner starts after it: running invocations get the
// grace to finish and to be committed, so that no record is delivered twice or to two consumers at a time. What has
// not finished by then is not committed, and the next owner delivers it again. A grace of 0 waits for nothing: the
// group has already reassigned the partitions.
func (c *consumer) release(partitions []int32, grace time.Duration) {
	c.mu.Lock()
	var leaving []*poller
	for _, n := range partitions {
		if p, ok := c.pollers[n]; ok {
			delete(c.pollers, n)
			p.end() // no new invocation begins
			leaving = append(leaving, p)
		}
	}
	c.mu.Unlock()
	if len(leaving) == 0 {
		return
	}
	c.log.Debug("giving partitions up", "partitions", partitions)
	over, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, p := range leaving {
		select {
		case <-p.done:
		case <-over.Done():
			if grace > 0 {
				c.log.Warn("a partition is given up in the middle of an invocation", "partition", p.partition)
			}
		}
	}
	c.commits.Lock()
	for _, p := range leaving {
		p.gone = true
	}
	c.commits.Unlock()
	// A pause outlives the assignment: without this, a partition that comes back would never be read.
	c.client.ResumeFetchPartitions(map[string][]int32{c.cfg.Topic: partitions})
	c.log.Info("partitions given up", "partitions", partitions)
}

func (c *consumer) releaseAll(grace time.Duration) {
	c.mu.Lock()
	var all []int32
	for n := range c.pollers {
		all = append(all, n)
	}
	c.mu.Unlock()
	c.release(all, grace)
}
