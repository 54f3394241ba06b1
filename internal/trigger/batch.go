package trigger

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// share is what a batch has of one partition, in the order of offsets.
type share struct {
	claim     *claim
	records   []*kgo.Record
	committed int // how many of them are, by retries
}

// take gives the next batch, if it is due: enough records, enough bytes, or the first record has waited for the window.
// Else it gives the time until the window ends, or -1 if nothing waits. The partitions of the batch are in flight from
// then on, and in no other batch until they have landed.
//
// Partitions take turns in who fills a batch first, so one that is always full starves no other.
func (c *consumer) take(now time.Time) ([]*share, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.landed = false
	free := c.free()
	count, bytes, oldest := 0, c.emptyPayload, now
	for _, claim := range free {
		count += len(claim.pending)
		bytes += c.keySize(claim)
		for _, w := range claim.pending {
			bytes += w.size
		}
		if since := claim.pending[0].since; since.Before(oldest) {
			oldest = since
		}
	}
	switch wait := c.cfg.BatchWindow - now.Sub(oldest); {
	case count == 0:
		return nil, -1
	case count < c.cfg.BatchSize && bytes < c.cfg.MaxPayloadBytes && wait > 0:
		return nil, wait
	}

	var batch []*share
	count, bytes = 0, c.emptyPayload
	for _, claim := range free {
		size, n := c.keySize(claim), 0
		for n < len(claim.pending) && count+n < c.cfg.BatchSize {
			w := claim.pending[n]
			// A record that is too large by itself makes a batch of its own; what becomes of it is decided there.
			if alone := count+n == 0; bytes+size+w.size > c.cfg.MaxPayloadBytes && !alone {
				break
			}
			size += w.size
			n++
		}
		if n == 0 {
			break // full; this partition is the first of the next batch
		}
		s := &share{claim: claim}
		for _, w := range claim.pending[:n] {
			s.records = append(s.records, w.record)
		}
		claim.pending = slices.Delete(claim.pending, 0, n)
		claim.flight = make(chan struct{})
		batch = append(batch, s)
		count, bytes, c.turn = count+n, bytes+size, claim.partition
	}
	return batch, 0
}

// free are the claims with records that could be in a batch, from the one whose turn it is. Callers hold mu.
func (c *consumer) free() []*claim {
	var after, before []*claim
	for _, p := range slices.Sorted(maps.Keys(c.claims)) {
		claim := c.claims[p]
		switch {
		case claim.flight != nil || len(claim.pending) == 0:
		case p > c.turn:
			after = append(after, claim)
		default:
			before = append(before, claim)
		}
	}
	return append(after, before...)
}

// keySize is what a partition costs in a payload beside its records.
func (c *consumer) keySize(claim *claim) int {
	key := partitionKey(&kgo.Record{Topic: c.cfg.Topic, Partition: claim.partition})
	return len(`"":[],`) + len(key)
}

// prepareToPoll gives the number of records that fit in the batch that is being gathered, and lets land end the poll.
func (c *consumer) prepareToPoll(wake context.CancelFunc) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakePoll = wake
	if c.landed {
		wake()
	}
	room := c.cfg.BatchSize
	for _, claim := range c.free() {
		room -= len(claim.pending)
	}
	return max(room, 1)
}

// first invokes the function with a new batch. Partitions of which something fails are handed over to retries of their
// own; the others are committed.
func (c *consumer) first(ctx context.Context, batch []*share) {
	now := time.Now()
	var fresh []*share
	var records []*kgo.Record
	for _, s := range batch {
		if live, expired := c.cfg.Provisioned.splitByAge(s.records, now); len(expired) > 0 {
			c.retry(s, job{records: s.records}, nil) // the retries know how to discard
		} else {
			fresh, records = append(fresh, s), append(records, live...)
		}
	}
	if len(fresh) == 0 {
		return
	}
	out := c.attempt(ctx, records)
	var done []position
	for _, s := range fresh {
		if failure := out.of(s.claim.partition); failure != nil {
			c.retry(s, job{records: s.records}, failure)
		} else {
			done = append(done, position{s.claim, after(s.records[len(s.records)-1])})
		}
	}
	c.commit(done...)
	for _, p := range done {
		c.land(p.claim)
	}
}
