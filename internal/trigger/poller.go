package trigger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// poller processes one partition, batch after batch, while this member of the group has it.
type poller struct {
	*consumer
	partition int32
	ctx       context.Context // ends when the partition is to be given up; no new invocation begins then
	end       context.CancelFunc
	arrived   chan struct{} // buffered for one: pending has new records
	done      chan struct{} // closed when the poller has ended

	// Guarded by consumer.mu.
	pending []waiting // read and not yet in a batch, in the order of offsets
	bytes   int       // of pending
	paused  bool

	// Guarded by consumer.commits. Once it is set, only another member may commit the partition's offset.
	gone bool
}

// waiting is a record that waits for its batch.
type waiting struct {
	record *kgo.Record
	size   int // bytes in the payload
	since  time.Time
}

func (p *poller) run() {
	defer close(p.done)
	for batch := p.next(); batch != nil; batch = p.next() {
		if !p.deliver(batch) {
			return
		}
	}
}

// next waits for the next batch: until there are enough records or bytes, or the first record has waited for the
// window. It returns nil when the partition is given up.
func (p *poller) next() []*kgo.Record {
	for p.ctx.Err() == nil {
		batch, wait := p.take(time.Now())
		if batch != nil {
			return batch
		}
		window := make(<-chan time.Time)
		if wait >= 0 {
			window = time.After(wait)
		}
		select {
		case <-p.arrived:
		case <-window:
		case <-p.ctx.Done():
		}
	}
	return nil
}

// take returns the next batch if it is due, or else the time until the window ends; -1 if no record waits.
func (p *poller) take(now time.Time) ([]*kgo.Record, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) == 0 {
		return nil, -1
	}
	n, bytes := 0, p.emptyPayload+len(`"":[],`)+len(partitionKey(p.pending[0].record))
	// A record that is too large by itself makes a batch of its own, and deliver decides about it.
	for n < len(p.pending) && n < p.cfg.BatchSize && (n == 0 || bytes+p.pending[n].size <= p.cfg.MaxPayloadBytes) {
		bytes += p.pending[n].size
		n++
	}
	full := n == p.cfg.BatchSize || n < len(p.pending)
	if wait := p.cfg.BatchWindow - now.Sub(p.pending[0].since); !full && wait > 0 {
		return nil, wait
	}
	batch := make([]*kgo.Record, n)
	for i, w := range p.pending[:n] {
		batch[i] = w.record
		p.bytes -= w.size
	}
	p.pending = slices.Delete(p.pending, 0, n)
	if p.paused && len(p.pending) < p.cfg.BatchSize && p.bytes < p.cfg.MaxPayloadBytes {
		p.paused = false
		p.client.ResumeFetchPartitions(map[string][]int32{p.cfg.Topic: {p.partition}})
	}
	return batch, 0
}

// deliver invokes the function with the records of a batch until it took all of them, and commits them. It returns
// false if the partition is given up before that; the next owner delivers the rest.
func (p *poller) deliver(batch []*kgo.Record) bool {
	left := slices.DeleteFunc(slices.Clone(batch), func(r *kgo.Record) bool { return r.Attrs.IsControl() })
	for retries := 0; len(left) > 0; retries++ {
		requestID := uuid.NewString()
		failed, err := p.invoke(requestID, left)
		if len(failed) == 0 {
			break
		}
		if first := failed[0]; first != left[0] {
			p.commit(kgo.EpochOffset{Epoch: first.LeaderEpoch, Offset: first.Offset})
		}
		left = failed
		if p.ctx.Err() != nil {
			// The invocation may have been interrupted, which says nothing about its records.
			return false
		}
		delay := p.cfg.backoff(retries)
		log := p.log.With("partition", p.partition, "first_offset", left[0].Offset, "records", len(left),
			"request_id", requestID, "retries", retries)
		var tooLarge *payloadTooLargeError
		switch {
		case errors.As(err, &tooLarge):
			// AWS drops such a record unless there is an on-failure destination. Here the partition stops at it, because a stop
			// is better than a silent loss.
			log.Error("record is too large for an invocation; "+
				"its partition stands still until the group's offset is set behind it", "error", err)
			<-p.ctx.Done()
		case err == nil:
			log.Warn("the function reports failed records, retrying", "delay_ms", delay.Milliseconds())
		default:
			log.Warn("invocation failed, retrying", "error", err, "delay_ms", delay.Milliseconds())
		}
		if !pause(p.ctx, delay) {
			return false
		}
	}
	last := batch[len(batch)-1]
	p.commit(kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: last.Offset + 1})
	return true
}

// payloadTooLargeError is the failure of a record that is too large for any invocation. Larger batches are never made.
type payloadTooLargeError struct{ size, limit int }

func (e *payloadTooLargeError) Error() string {
	return fmt.Sprintf("payload of one record has %d bytes, an invocation takes %d", e.size, e.limit)
}

// slowInvocation is how long a person who watches would wait without asking why.
const slowInvocation = 5 * time.Second

// invoke runs the function once and returns the records that it did not take. The error is nil if the function named
// them itself.
func (p *poller) invoke(requestID string, records []*kgo.Record) ([]*kgo.Record, error) {
	payload := p.cfg.Source.AppendPayload(nil, records)
	if len(payload) > p.cfg.MaxPayloadBytes {
		return records, &payloadTooLargeError{len(payload), p.cfg.MaxPayloadBytes}
	}
	defer time.AfterFunc(slowInvocation, func() {
		p.log.Warn("waiting for the function; later records of this partition have to wait", "partition", p.partition,
			"first_offset", records[0].Offset, "records", len(records), "request_id", requestID,
			"waited_seconds", slowInvocation.Seconds(), "timeout_seconds", p.cfg.FunctionTimeout.Seconds())
	}).Stop()
	ctx, cancel := context.WithTimeout(p.invoking, p.cfg.FunctionTimeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: requestID})
	response, err := p.invoker.Invoke(ctx, payload)
	switch {
	case err != nil:
		return records, err
	case p.cfg.ReportBatchItemFailures:
		return failedRecords(response, records)
	default:
		return nil, nil
	}
}

// backoff is the wait before a retry. It is shortened by up to a quarter at random, so that partitions that failed
// together do not retry together.
func (c *Config) backoff(retries int) time.Duration {
	d := c.MaxRetryBackoff
	if retries < 30 { // more would overflow
		d = min(d, c.RetryBackoff<<retries)
	}
	return d - rand.N(d/4+1)
}

// pause waits. It returns false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
