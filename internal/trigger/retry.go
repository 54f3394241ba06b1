package trigger

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// job is records of one partition that have still to be taken by the function, in one invocation.
type job struct {
	records []*kgo.Record
	retries int           // how often these records were retried, which MaximumRetryAttempts limits
	invoked int           // how often they were sent, in batches of any size
	delay   time.Duration // before the next invocation
}

// retry works a share off, beside everything else that runs, until each of its records was taken or discarded; failure
// is what the first invocation ended with, nil if there was none yet. The partition is in flight all the while, so its
// later records wait.
func (c *consumer) retry(s *share, j job, failure *outcome) {
	c.retries.Go(func() {
		defer c.land(s.claim)
		// Jobs are in the order of offsets, and only the first is worked on: that keeps the partition's order, and makes
		// what lies before the first job done.
		jobs, ok := []job{j}, true
		if failure != nil {
			jobs, ok = c.settle(s.claim, j, failure)
		}
		for len(jobs) > 0 {
			c.commitBefore(s, jobs[0].records[0])
			if !ok {
				return
			}
			var next []job
			next, ok = c.work(s.claim, jobs[0])
			jobs = slices.Concat(next, jobs[1:])
		}
		c.commit(position{s.claim, after(s.records[len(s.records)-1])})
	})
}

// commitBefore commits the records of a share that lie before the first that is not done.
func (c *consumer) commitBefore(s *share, first *kgo.Record) {
	i, _ := slices.BinarySearchFunc(s.records, first, func(a, b *kgo.Record) int { return cmp.Compare(a.Offset, b.Offset) })
	if i > s.committed {
		c.commit(position{s.claim, after(s.records[i-1])})
		s.committed = i
	}
}

// work does a job once and gives the jobs that are left of it. It reports false if the partition is to be given up
// first; the jobs are then another's.
func (c *consumer) work(claim *claim, j job) (left []job, ok bool) {
	if !pause(claim.ctx, j.delay) {
		return []job{j}, false
	}
	live, expired := c.cfg.Provisioned.splitByAge(j.records, time.Now())
	if !c.discard(claim, job{records: expired, invoked: j.invoked}, conditionAge, nil) {
		return []job{j}, false
	}
	if len(live) == 0 {
		return nil, true
	}
	out := c.attempt(claim.ctx, live)
	if len(out.failed) == 0 {
		return nil, true
	}
	return c.settle(claim, j, out)
}

// settle decides what becomes of the records of a job that failed: they are split, retried, or discarded.
func (c *consumer) settle(claim *claim, j job, out *outcome) (left []job, ok bool) {
	j.records = out.failed
	j.invoked += out.invoked
	if errors.Is(out.err, errStopped) || claim.ctx.Err() != nil {
		// The invocation may have been broken off, which says nothing about its records: whoever has the partition next
		// decides about them. What a partial response says was done is done, though.
		return []job{j}, false
	}
	provisioned := c.cfg.Provisioned
	limit, limited := provisioned.retryLimit()
	log := c.log.With("partition", claim.partition, "first_offset", j.records[0].Offset, "records", len(j.records),
		"request_id", out.requestID, "retries", j.retries)

	var tooLarge *payloadTooLargeError
	switch {
	case errors.As(out.err, &tooLarge) && !limited:
		// AWS drops such a record unless there is an on-failure destination. Here it is held, and its partition with it:
		// losing it without being told to is worse than standing still. A larger MaxPayloadBytes does not exist, so the
		// way out is provisioned mode's controls or a commit behind the record by hand.
		log.Error("record is too large for an invocation; its partition stands still", "error", out.err)
		<-claim.ctx.Done()
		return []job{j}, false
	case errors.As(out.err, &tooLarge):
		return c.giveUp(claim, j, conditionSize, out)
	case !out.partial() && len(j.records) > 1 && provisioned != nil && provisioned.BisectBatchOnFunctionError:
		log.Warn("invocation failed, splitting the batch", "error", out.err)
		half := len(j.records) / 2
		// A split does not count against the retries, as for the other streams that Lambda reads. It needs no delay:
		// the first half's half comes next, and so on to a single record, which is delayed.
		return []job{
			{records: j.records[:half], invoked: j.invoked},
			{records: j.records[half:], invoked: j.invoked},
		}, true
	case limited && j.retries >= limit:
		return c.giveUp(claim, j, conditionRetries, out)
	}
	j.delay = c.backoff(j.retries)
	j.retries++
	if out.partial() {
		log.Warn("the function reports failed records, retrying", "delay", j.delay)
	} else {
		log.Warn("invocation failed, retrying", "error", out.err, "delay", j.delay)
	}
	return []job{j}, true
}

// giveUp ends a job: nothing is left of it once its records are discarded.
func (c *consumer) giveUp(claim *claim, j job, condition string, out *outcome) (left []job, ok bool) {
	if !c.discard(claim, j, condition, out) {
		return []job{j}, false
	}
	return nil, true
}

// backoff is the wait before a retry, with up to a quarter taken off, so that partitions that failed together do not
// come back together.
func (c *consumer) backoff(retries int) time.Duration {
	d := c.cfg.MaxRetryBackoff
	if retries < 30 { // more would overflow
		d = min(d, c.cfg.RetryBackoff<<retries)
	}
	return d - rand.N(d/4+1)
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
