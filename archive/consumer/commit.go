package consumer

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// done commits a batch that is archived. Where the partition is another's by now, that does no harm: what it commits is
// archived.
func (c *consumer) done(ctx context.Context, b *batch) {
	if c.failing {
		c.failing = false
		c.log.Info("the archive can be written again")
	}
	c.log.Debug("archived", "topic", b.topic, "partition", b.n, "first", b.first, "last", b.last,
		"records", len(b.records), "seconds", b.took.Seconds())
	c.mu.Lock()
	bytes := b.restart()
	if c.batches[b.partition] == b {
		c.bytes -= bytes
		if b.paused {
			c.client.ResumeFetchPartitions(map[string][]int32{b.topic: {b.n}})
		}
	}
	b.paused = false
	c.mu.Unlock()
	c.commit(ctx, b.partition, kgo.EpochOffset{Epoch: b.epoch, Offset: b.first})
}

// commitTimeout bounds a commit. One that fails is made good by the next, or leads to a copy.
const commitTimeout = 10 * time.Second

func (c *consumer) commit(ctx context.Context, p partition, at kgo.EpochOffset) bool {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	var problem error
	c.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{p.topic: {p.n: at}},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
			if problem = err; err == nil && len(answer.Topics) == 1 && len(answer.Topics[0].Partitions) == 1 {
				problem = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
			}
		})
	if problem != nil { // as it is in the middle of a rebalance
		c.log.Info("what is archived is not committed, so it may be archived again", "topic", p.topic, "partition", p.n,
			"error", problem)
	}
	return problem == nil
}
