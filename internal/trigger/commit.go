package trigger

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitTimeout bounds one try to commit. It has to fit twice into the time that the group waits for a rebalance.
const commitTimeout = 5 * time.Second

// position is where a partition's next consumer has to begin.
type position struct {
	claim *claim
	next  kgo.EpochOffset
}

// after is the position behind a record.
func after(r *kgo.Record) kgo.EpochOffset {
	return kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
}

// commit stores positions, and tries until it has: a group whose commit lags behind its work would deliver again after
// a restart, and would show a lag that is none. It gives up, and says so, when there is no time left or another member
// has the partitions; their records are delivered again then.
func (c *consumer) commit(positions ...position) {
	for tries := 0; ; tries++ {
		err := c.tryCommit(positions)
		if err == nil {
			return
		}
		c.log.Warn("cannot commit, trying again", "error", err)
		select {
		case <-time.After(c.backoff(tries)):
		case <-c.invoking.Done():
			c.log.Error("what was processed is not committed and will be delivered again", "error", err)
			return
		}
	}
}

func (c *consumer) tryCommit(positions []position) error {
	c.commits.Lock()
	defer c.commits.Unlock()
	offsets := map[int32]kgo.EpochOffset{}
	for _, p := range positions {
		if !p.claim.gone {
			offsets[p.claim.partition] = p.next
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	// Not bound to c.invoking: an invocation that ended with the grace is committed all the same.
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	var failure error
	c.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{c.cfg.Topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
			if err != nil {
				failure = fmt.Errorf("commit offsets of %s: %w", c.cfg.Topic, err)
				return
			}
			for _, t := range response.Topics {
				for _, p := range t.Partitions {
					if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
						failure = fmt.Errorf("commit offset of %s-%d: %w", t.Topic, p.Partition, err)
					}
				}
			}
		})
	return failure
}
