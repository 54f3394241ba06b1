package trigger

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// claim is one partition for the time that this member of the group has it.
type claim struct {
	partition int32
	ctx       context.Context // ends when the partition is to be given up: nothing new is begun for it
	end       context.CancelFunc

	// Guarded by consumer.mu.
	pending []waiting     // read and in no batch yet, in the order of offsets
	flight  chan struct{} // closed when the batch with this partition's records is done with; nil if there is none
	paused  bool

	// Guarded by consumer.commits. From then on the partition's offset is another member's to commit.
	gone bool
}

// waiting is a record that waits for its batch.
type waiting struct {
	record *kgo.Record
	size   int // bytes in the payload
	since  time.Time
}

func (c *consumer) assign(ctx context.Context, partitions []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range partitions {
		claim := &claim{partition: p}
		claim.ctx, claim.end = context.WithCancel(ctx)
		c.claims[p] = claim
	}
	c.log.Info("partitions assigned", "partitions", partitions)
}

// release gives partitions up. The group waits for it, so the next owner starts after it: a running invocation gets
// the grace to finish and to be committed, so that its records are not delivered twice, or to two consumers at a time.
// What has not finished by then is not committed any more, and the next owner delivers it again. When the group has
// already given the partitions away (grace 0) nothing is waited for.
func (c *consumer) release(partitions []int32, grace time.Duration) {
	c.mu.Lock()
	var leaving []*claim
	var flights []chan struct{}
	for _, p := range partitions {
		if claim, ok := c.claims[p]; ok {
			delete(c.claims, p) // no new batch
			claim.end()         // no further retry
			leaving = append(leaving, claim)
			if claim.flight != nil {
				flights = append(flights, claim.flight)
			}
		}
	}
	c.mu.Unlock()
	if len(leaving) == 0 {
		return
	}
	c.log.Debug("giving partitions up", "partitions", partitions, "in_flight", len(flights))

	if grace > 0 {
		over := time.After(grace)
	wait:
		for _, f := range flights {
			select {
			case <-f:
			case <-over:
				c.log.Warn("partitions are given up in the middle of an invocation", "partitions", partitions)
				break wait
			}
		}
	}
	c.commits.Lock()
	for _, claim := range leaving {
		claim.gone = true
	}
	c.commits.Unlock()
	// A pause outlives the assignment; without this a partition that comes back would never be read.
	c.client.ResumeFetchPartitions(map[string][]int32{c.cfg.Topic: partitions})
	c.log.Info("partitions given up", "partitions", partitions)
}

// file puts records behind those that wait already. A partition whose batch is being retried is not read further
// once a batch more of it waits: its records would fill the memory.
func (c *consumer) file(records []*kgo.Record, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		claim, ok := c.claims[r.Partition]
		if !ok {
			continue
		}
		c.scratch = appendRecord(c.scratch[:0], r)
		claim.pending = append(claim.pending, waiting{r, len(c.scratch) + len(","), now})
		if claim.flight != nil && !claim.paused && len(claim.pending) >= c.cfg.BatchSize {
			claim.paused = true
			c.client.PauseFetchPartitions(map[string][]int32{c.cfg.Topic: {r.Partition}})
		}
	}
}

// land ends a claim's flight: its records may be in batches again.
func (c *consumer) land(claim *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(claim.flight)
	claim.flight = nil
	if claim.paused && c.claims[claim.partition] == claim {
		c.client.ResumeFetchPartitions(map[string][]int32{c.cfg.Topic: {claim.partition}})
	}
	claim.paused = false
	// The loop may be waiting for new records while this partition's are due.
	c.landed = true
	if c.wakePoll != nil {
		c.wakePoll()
	}
}
