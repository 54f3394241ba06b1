package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/kafka"
)

// measureKafka measures the client library alone: without HTTP. The server's CPU time is that of this process.
func measureKafka(ctx context.Context, p plan, l *lab, r *results) error {
	for range p.rounds {
		for _, n := range p.connections {
			s, err := produceWaiting(ctx, p, l, n)
			if err != nil {
				return err
			}
			r.add("franz-go alone, each waits", n, 0, s)
		}
		s, err := produceAsync(ctx, p, l)
		if err != nil {
			return err
		}
		r.add("franz-go alone, asynchronous", 0, 0, s)
	}
	return nil
}

func (l *lab) producer(extra ...kgo.Opt) (*kgo.Client, error) {
	opts, err := kafka.Options(l.kafkaConfig())
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(append(opts, kgo.ProducerLinger(0), kgo.RequiredAcks(kgo.AllISRAcks())), extra...)...)
}

// produceWaiting runs n goroutines. Each waits for the acknowledgement of a record before it sends the next.
func produceWaiting(ctx context.Context, p plan, l *lab, n int) (sample, error) {
	client, err := l.producer()
	if err != nil {
		return sample{}, err
	}
	defer client.Close()
	value := []byte(structuredEvent(eventBytes))
	work := func(d time.Duration) (load, error) {
		end := time.Now().Add(d)
		var wait sync.WaitGroup
		histograms, failed := make([]histogram, n), atomic.Pointer[error]{}
		start := time.Now()
		for i := range n {
			wait.Go(func() {
				done := make(chan error, 1)
				for begin := time.Now(); begin.Before(end) && ctx.Err() == nil; {
					client.Produce(ctx, &kgo.Record{Topic: topic, Value: value}, func(_ *kgo.Record, err error) { done <- err })
					if err := <-done; err != nil {
						failed.Store(&err)
						return
					}
					now := time.Now()
					histograms[i].add(now.Sub(begin))
					begin = now
				}
			})
		}
		wait.Wait()
		l := load{took: time.Since(start)}
		for i := range histograms {
			l.merge(&histograms[i])
		}
		if err := failed.Load(); err != nil {
			return l, fmt.Errorf("produce: %w", *err)
		}
		return l, ctx.Err()
	}
	if _, err := work(p.warmUp); err != nil {
		return sample{}, err
	}
	meter := startMeter()
	met, err := work(p.duration)
	if err != nil {
		return sample{}, err
	}
	s := meter.stop(float64(met.count))
	s.P50, s.P99, s.P999 = milliseconds(met.quantile(0.5)), milliseconds(met.quantile(0.99)),
		milliseconds(met.quantile(0.999))
	return s, nil
}

// produceAsync waits only for room in the client's buffer.
func produceAsync(ctx context.Context, p plan, l *lab) (sample, error) {
	client, err := l.producer(kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return sample{}, err
	}
	defer client.Close()
	value := []byte(structuredEvent(eventBytes))
	var failed atomic.Pointer[error]
	work := func(d time.Duration) (n int, err error) {
		promise := func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		}
		for end := time.Now().Add(d); ctx.Err() == nil && time.Now().Before(end); {
			records := make([]kgo.Record, 1000)
			for i := range records {
				records[i] = kgo.Record{Topic: topic, Value: value}
				client.Produce(ctx, &records[i], promise)
			}
			n += len(records)
		}
		if err := client.Flush(ctx); err != nil {
			return n, fmt.Errorf("flush: %w", err)
		}
		if err := failed.Load(); err != nil {
			return n, fmt.Errorf("produce: %w", *err)
		}
		return n, nil
	}
	if _, err := work(p.warmUp); err != nil {
		return sample{}, err
	}
	meter := startMeter()
	n, err := work(p.duration)
	if err != nil {
		return sample{}, err
	}
	return meter.stop(float64(n)), nil
}
