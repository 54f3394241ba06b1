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

// commitTimeout bounds one try to commit. It has to fit twice into the time that the group waits for a rebalance.
const commitTimeout = 5 * time.Second

// commit stores where the partition's next consumer has to begin, and tries until it has: a group whose commit lags
// behind its work would deliver again after a restart. It gives up, and says so, when there is no time left or another
// member has the partition; the records are delivered again then.
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
	// Not bound to p.invoking: an invocation that ended with the grace is committed all the same.
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
