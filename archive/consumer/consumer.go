package consumer

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
	"golang.org/x/sync/errgroup"

	"event-processing-service/archive"
)

// Run archives until ctx ends, and then returns nil. It waits for brokers, topics and buckets that are away; the log
// says so. The only error is a config that is not valid.
func Run(ctx context.Context, cfg Config, archiver *archive.Archiver) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	cfg = cfg.withDefaults()
	for ctx.Err() == nil {
		c := &consumer{
			cfg: cfg, archiver: archiver, batches: map[partition]*batch{},
			log: cfg.Log.With("group", cfg.Group),
		}
		if err := c.run(ctx); err != nil {
			return err
		}
		select { // a broker that says again and again that a topic is gone is not asked without end
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// consumer is one membership in the group.
type consumer struct {
	cfg      Config
	archiver *archive.Archiver
	log      *slog.Logger
	client   *kgo.Client

	mu      sync.Mutex // guards which batches there are; what is in them is for the loop of run alone
	batches map[partition]*batch
	bytes   int // about what waits

	unreadable, unwritable time.Time // when the log last said so
	failing                bool
}

const (
	maxPoll = 2_000            // records; what is polled comes on top of MaxBytes
	quiet   = 10 * time.Second // how long a fault that persists is not logged again
	writers = 4                // how many partitions are written at a time
)

// run archives until ctx ends, or until the group must be joined again.
func (c *consumer) run(ctx context.Context) error {
	// Requests end with this context, so that closing the client does not wait for a broker that hangs.
	requesting, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	client, err := kgo.NewClient(append(c.cfg.Options[:len(c.cfg.Options):len(c.cfg.Options)],
		kgo.WithContext(requesting),
		kgo.ConsumeTopics(c.cfg.Topics...),
		kgo.ConsumerGroup(c.cfg.Group),
		// A new archive begins with all that Kafka still has.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		// Where retention overtook the archive it must be told, not passed over.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// A record of a transaction that was aborted was never meant to be read.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Markers are offsets that are known not to be records.
		kgo.KeepControlRecords(),
		kgo.DisableAutoCommit(),
		// Between a poll and the filing of its records no partition may change hands: records that were read before
		// would be taken for what follows the position of another membership.
		kgo.BlockRebalanceOnPoll(),
		kgo.AdjustFetchOffsetsFn(c.assign),
		kgo.OnPartitionsRevoked(c.release),
		kgo.OnPartitionsLost(c.release),
		// What is fetched and not yet polled lies in memory, too, where it may take ten times as much as on its way.
		kgo.FetchMaxBytes(2<<20), kgo.FetchMaxPartitionBytes(512<<10), kgo.MaxConcurrentFetches(1),
	)...)
	if err != nil {
		return fmt.Errorf("create consumer of the archive: %w", err)
	}
	defer client.CloseAllowingRebalance()
	c.client = client
	for ctx.Err() == nil {
		fetches := c.poll(ctx)
		if c.look(ctx, fetches) {
			break // without writing: an offset of a topic that is gone, committed now, would skip records of the new one
		}
		c.file(fetches)
		client.AllowRebalance()
		c.write(ctx, c.due(time.Now(), false))
	}
	client.AllowRebalance() // or leaving would wait for it
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Grace)
	defer cancel()
	if ctx.Err() != nil {
		c.write(ending, c.due(time.Now(), true))
	}
	if err := client.LeaveGroupContext(ending); err != nil { // the group notices by its session time-out
		c.log.Info("leaving the consumer group failed", "error", err)
	}
	endRequests()
	return nil
}

// assign takes note of where each partition's first batch begins: what is committed is archived.
func (c *consumer) assign(_ context.Context, positions map[string]map[int32]kgo.Offset) (
	map[string]map[int32]kgo.Offset, error,
) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for topic, partitions := range positions {
		for n, at := range partitions {
			p := partition{topic, n}
			c.forget(p)
			c.batches[p] = newBatch(p, max(at.EpochOffset().Offset, -1)) // below: no position, but "the start"
		}
	}
	return positions, nil
}

// release forgets what waits of partitions that another archiver has now. It begins where this one last committed.
func (c *consumer) release(_ context.Context, client *kgo.Client, lost map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for topic, partitions := range lost {
		for _, n := range partitions {
			c.forget(partition{topic, n})
		}
	}
	client.ResumeFetchPartitions(lost) // a pause would outlive the assignment
}

func (c *consumer) forget(p partition) {
	if b, ok := c.batches[p]; ok {
		c.bytes -= b.bytes
		delete(c.batches, p)
	}
}

// poll waits for records until a batch is due.
func (c *consumer) poll(ctx context.Context) kgo.Fetches {
	c.mu.Lock()
	wait, full := c.cfg.Window, c.bytes >= c.cfg.MaxBytes
	for _, b := range c.batches {
		if b.isEmpty() {
			continue
		}
		until := time.Until(b.next)
		if !full {
			until = max(until, time.Until(b.since.Add(c.cfg.Window)))
		}
		wait = min(wait, until)
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
	defer cancel()
	if full { // the bucket is away, or slow
		<-ctx.Done()
		return nil
	}
	return c.client.PollRecords(ctx, maxPoll)
}

// look logs what could not be read, and tells whether the group must be joined again.
func (c *consumer) look(ctx context.Context, fetches kgo.Fetches) (again bool) {
	fetches.EachError(func(topic string, n int32, err error) {
		p := partition{topic, n}
		c.mu.Lock()
		b := c.batches[p]
		c.mu.Unlock()
		switch {
		case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		case errors.Is(err, kerr.OffsetOutOfRange) && b != nil:
			again = c.skip(ctx, b) || again
		case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.UnknownTopicOrPartition) && b != nil:
			if !again {
				c.log.Warn("the topic, or a partition of it, is gone; joining the group again", "topic", topic)
			}
			again = true // the client never goes on with a topic of the same name
		case time.Since(c.unreadable) > quiet:
			c.unreadable = time.Now()
			c.log.Warn("cannot read from Kafka, trying again", "topic", topic, "partition", n, "error", err)
		}
	})
	return again
}

// skip goes on where the partition begins now, and tells whether that is so. The archive keeps a gap that `archive
// verify` finds.
func (c *consumer) skip(ctx context.Context, b *batch) bool {
	if !b.isEmpty() { // what was read is written first
		return false
	}
	starts, err := kadm.NewClient(c.client).ListStartOffsets(ctx, b.topic)
	start, ok := starts.Lookup(b.topic, b.n)
	if err = errors.Join(err, start.Err); err != nil || !ok {
		c.log.Warn("cannot read from Kafka, trying again", "topic", b.topic, "partition", b.n, "error", err)
		return false
	}
	c.log.Error("records expired before they were archived, or the topic was recreated: the archive goes on where the "+
		"topic begins", "topic", b.topic, "partition", b.n, "archived_below", b.first, "begins", start.Offset)
	return c.commit(ctx, b.partition, kgo.EpochOffset{Epoch: -1, Offset: start.Offset})
}

// file puts records behind those that wait. A partition of which a batch is full is not read further.
func (c *consumer) file(fetches kgo.Fetches) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range fetches.RecordsAll() {
		if b, ok := c.batches[partition{r.Topic, r.Partition}]; ok {
			c.bytes += b.add(r, now)
		}
	}
	for _, b := range c.batches {
		if !b.paused && b.tries > 0 && len(b.records) >= c.cfg.MaxRecords {
			b.paused = true
			c.client.PauseFetchPartitions(map[string][]int32{b.topic: {b.n}})
		}
	}
}

// due are the batches to write now: those that are full or have waited, and all of them where memory is short.
func (c *consumer) due(now time.Time, all bool) (due []*batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all = all || c.bytes >= c.cfg.MaxBytes
	for _, b := range c.batches {
		isDue := all || len(b.records) >= c.cfg.MaxRecords || now.Sub(b.since) >= c.cfg.Window
		if isDue && !b.isEmpty() && !b.next.After(now) {
			due = append(due, b)
		}
	}
	return due
}

// write archives batches and commits them. One that fails waits, and holds up no other.
func (c *consumer) write(ctx context.Context, due []*batch) {
	var all errgroup.Group
	all.SetLimit(writers)
	problems := make([]error, len(due))
	for i, b := range due {
		all.Go(func() error {
			begun := time.Now()
			problems[i] = c.archiver.Write(ctx, b.span())
			b.took = time.Since(begun)
			return nil
		})
	}
	_ = all.Wait()
	for i, b := range due {
		if problems[i] != nil {
			b.tries++
			b.next = time.Now().Add(backoff(b.tries))
			c.complain(b, problems[i])
			continue
		}
		c.done(ctx, b)
	}
}

func (c *consumer) complain(b *batch, err error) {
	if c.failing && time.Since(c.unwritable) < quiet {
		return
	}
	c.failing, c.unwritable = true, time.Now()
	c.log.Error("cannot write to the archive, trying again; Kafka keeps what waits", "topic", b.topic,
		"partition", b.n, "records", len(b.records), "tries", b.tries, "error", err)
}
