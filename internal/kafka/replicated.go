package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// boundsOfAll is Bounds from since on, with all that the leaders have. A reader sees no record before all in-sync replicas
// have it, so one that was written while a replica was away is hidden until that replica is back or out of the set: it is
// waited for.
func boundsOfAll(ctx context.Context, client *kgo.Client, topic string, since time.Time) (Spans, error) {
	for tries := 1; ; tries++ {
		ends, err := leaderEnds(ctx, client, topic)
		if err != nil {
			return nil, err
		}
		spans, err := Bounds(ctx, client, topic, since, time.Time{})
		if err != nil {
			return nil, err
		}
		hidden := int64(0)
		for p, end := range ends {
			hidden += max(0, end-spans[p].End)
		}
		if hidden == 0 {
			return spans, nil
		}
		select {
		case <-time.After(backoff(tries)):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the replicas of topic %s, which lack %d records: %w", topic, hidden, ctx.Err())
		}
	}
}

// leaderEnds is where each leader's log ends: Kafka tells it as the end of the leader's epoch, which is the present one.
func leaderEnds(ctx context.Context, client *kgo.Client, topic string) (map[int32]int64, error) {
	fail := func(err error) (map[int32]int64, error) {
		return nil, fmt.Errorf("ask the leaders of topic %s for their ends: %w", topic, err)
	}
	partitions, err := partitionsOf(ctx, client, topic)
	if err != nil {
		return nil, err
	}
	var req kadm.OffsetForLeaderEpochRequest
	for _, p := range partitions {
		req.Add(topic, p.Partition, p.LeaderEpoch)
	}
	answers, err := kadm.NewClient(client).OffsetForLeaderEpoch(ctx, req)
	if err != nil {
		return fail(err)
	}
	ends := map[int32]int64{}
	for p := range req[topic] {
		a, ok := answers[topic][p]
		if !ok {
			a.Err = errNoAnswer
		}
		if a.Err != nil {
			return fail(fmt.Errorf("partition %d: %w", p, a.Err))
		}
		ends[p] = a.EndOffset // -1 of a leader that has not begun: nothing is hidden
	}
	return ends, nil
}
