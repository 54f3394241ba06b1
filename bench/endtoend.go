package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/trigger"
	"event-processing-service/processor"
)

// endRate is a load that leaves both sides mostly idle, so that latency is measured and not a queue.
const endRate = 500

// measureEndToEnd measures the time from the moment at which a post is due until the store has the outcome: API,
// broker, and the trigger with its batching window.
func measureEndToEnd(ctx context.Context, p plan, l *lab, r *results) error {
	for _, window := range []time.Duration{time.Microsecond, 500 * time.Millisecond} { // 0 would be the default
		for round := range p.rounds {
			s, err := endToEnd(ctx, p, l, window,
				fmt.Sprintf("bench.end.%d.%d.%d", time.Now().UnixNano(), window.Milliseconds(), round))
			if err != nil {
				return err
			}
			r.add(fmt.Sprintf("end to end, window %d ms", window.Milliseconds()), 0, endRate, s)
		}
	}
	return nil
}

func endToEnd(ctx context.Context, p plan, l *lab, window time.Duration, name string) (sample, error) {
	if err := l.createTopic(ctx, name); err != nil {
		return sample{}, err
	}
	defer l.deleteTopics(name)
	c, err := startChild(ctx, l.binary("eventctl"), serveArgs, true, "KAFKA_TOPIC="+name, "LOG_LEVEL=WARN",
		`API_KEYS={"bench":"`+key+`"}`)
	if err != nil {
		return sample{}, err
	}
	defer c.stop()
	ages := &ageStore{}
	stop, err := startTrigger(ctx, l, ages, window, name)
	if err != nil {
		return sample{}, err
	}
	defer stop()
	all, err := connect(c.addr, stamped(), 16)
	if err != nil {
		return sample{}, err
	}
	defer all.close()
	// These events only let the group form and the connections open. Their age does not count.
	if _, err := all.openLoop(ctx, endRate, max(p.warmUp, time.Second)); err != nil {
		return sample{}, err
	}
	if err := ages.await(ctx, 1); err != nil {
		return sample{}, err
	}
	time.Sleep(window + 500*time.Millisecond)
	ages.forget()
	met, err := all.openLoop(ctx, endRate, max(p.duration, time.Second/2))
	if err != nil {
		return sample{}, err
	}
	if err := ages.await(ctx, met.count); err != nil {
		return sample{}, err
	}
	ages.mu.Lock()
	defer ages.mu.Unlock()
	return sample{P50: milliseconds(ages.quantile(0.5)), P99: milliseconds(ages.quantile(0.99)),
		P999: milliseconds(ages.quantile(0.999))}, nil
}

func startTrigger(ctx context.Context, l *lab, store *ageStore, window time.Duration, name string) (stop func(),
	err error) {
	proc, err := newProcessor(store, &processor.Mux{})
	if err != nil {
		return nil, err
	}
	opts, err := kafka.Options(l.kafkaConfig())
	if err != nil {
		return nil, err
	}
	mapping, err := trigger.New(trigger.Config{Topic: name, ConsumerGroup: name, ClientOptions: opts, BatchWindow: window,
		FunctionTimeout: time.Minute},
		trigger.InProcess(payload.Function(proc.Handle), trigger.Function{}))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = mapping.Run(ctx) }()
	return func() { cancel(); <-done }, nil
}

// ageStore records the age of each event when it is done. The event's id is the time of its post.
type ageStore struct {
	freeStore
	mu sync.Mutex
	histogram
}

func (s *ageStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	posted, err := strconv.ParseInt(c.Identity.ID, 16, 64)
	if err != nil {
		return event.Reply{}, fmt.Errorf("read time of post: %w", err)
	}
	s.mu.Lock()
	s.add(time.Since(time.Unix(0, posted)))
	s.mu.Unlock()
	return s.freeStore.Finish(ctx, c, o)
}

func (s *ageStore) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.histogram = histogram{}
}

func (s *ageStore) await(ctx context.Context, n uint64) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) &&
		ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		count := s.count
		s.mu.Unlock()
		if count >= n {
			return nil
		}
	}
	return fmt.Errorf("%d events were not processed within 30s", n)
}

// stamped is an event whose id is its time of sending.
func stamped() *request {
	r := structured(eventBytes)
	r.stamp = true
	return r
}
