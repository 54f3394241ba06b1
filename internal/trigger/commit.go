package trigger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitTimeout bounds one attempt to commit. Two attempts must fit into the time that the group waits for a
// rebalance.
const commitTimeout = 5 * time.Second

// commit stores the offset at which the partition's next consumer has to begin. It repeats the attempt until it
// succeeds, because records whose offset is not committed are delivered again after a restart. It gives up, and logs
// that, when no time is left or another member has the partition.
func (p *poller) commit(at kgo.EpochOffset) {
	var refused seldom
	for tries := 0; ; tries++ {
		err := p.tryCommit(at)
		if err == nil {
			return
		}
		if refused.now() {
			p.log.Warn("cannot commit, trying again", "partition", p.partition, "offset", at.Offset, "error", err)
		}
		if !pause(p.invoking, p.cfg.backoff(tries)) {
			p.log.Error("what was processed is not committed and will be delivered again", "partition", p.partition, "error",
				err)
			return
		}
	}
}

func (p *poller) tryCommit(at kgo.EpochOffset) error {
	p.commits.Lock()
	defer p.commits.Unlock()
	if p.gone {
		return nil
	}
	// Not bound to p.invoking: an invocation that ended when the grace did is still committed.
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	var failure error
	p.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{p.cfg.Topic: {p.partition: at}},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
			failure = err
			if err != nil {
				return
			}
			for _, t := range response.Topics {
				for _, partition := range t.Partitions {
					failure = errors.Join(failure, kerr.ErrorForCode(partition.ErrorCode))
				}
			}
		})
	if failure != nil {
		return fmt.Errorf("commit offset of %s-%d: %w", p.cfg.Topic, p.partition, failure)
	}
	return nil
}
