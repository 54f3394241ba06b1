package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topic is a topic as it should be.
type Topic struct {
	Name       string
	Partitions int32
	Replicas   int16             // -1: the cluster's default
	Configs    map[string]string // only these are compared
}

// TopicState is what ApplyTopics found or did.
type TopicState struct {
	Name        string
	Created     bool
	Differences []string // between the topic and what it should be, for people; nothing of it is changed
}

// ServiceTopics are the topics of the service: those of the events and, with as many partitions, the dead letters of
// each processor, which are kept for longer, because people look at them.
func ServiceTopics(events []string, partitions int32, deadLetters ...string) []Topic {
	retention := func(d time.Duration) map[string]string {
		return map[string]string{"retention.ms": strconv.FormatInt(d.Milliseconds(), 10)}
	}
	const day = 24 * time.Hour
	var topics []Topic
	for _, name := range events {
		topics = append(topics, Topic{Name: name, Partitions: partitions, Replicas: -1, Configs: retention(7 * day)})
	}
	for _, name := range deadLetters {
		topics = append(topics, Topic{Name: name, Partitions: partitions, Replicas: -1, Configs: retention(14 * day)})
	}
	return topics
}

// ApplyTopics creates the topics that are missing and tells how the others differ; run again, it changes nothing. It
// changes no topic that exists: more partitions would break the order of keys, and that is for people to decide.
func ApplyTopics(ctx context.Context, client *kgo.Client, topics []Topic) ([]TopicState, error) {
	admin := kadm.NewClient(client)
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	existing, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	states := make([]TopicState, 0, len(topics))
	var problems []error
	for _, t := range topics {
		state, err := applyTopic(ctx, admin, t, existing[t.Name])
		if err != nil {
			problems = append(problems, err)
			continue
		}
		states = append(states, state)
	}
	return states, errors.Join(problems...)
}

func applyTopic(ctx context.Context, admin *kadm.Client, want Topic, have kadm.TopicDetail) (TopicState, error) {
	state := TopicState{Name: want.Name}
	switch {
	case have.Topic == "" || errors.Is(have.Err, kerr.UnknownTopicOrPartition):
		configs := make(map[string]*string, len(want.Configs))
		for k, v := range want.Configs {
			configs[k] = kadm.StringPtr(v)
		}
		_, err := admin.CreateTopic(ctx, want.Partitions, want.Replicas, configs, want.Name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // somebody else was as quick: as good
			return state, fmt.Errorf("create topic %s: %w", want.Name, err)
		}
		state.Created = err == nil
		return state, nil
	case have.Err != nil:
		return state, fmt.Errorf("look at topic %s: %w", want.Name, have.Err)
	}
	if got := len(have.Partitions); got != int(want.Partitions) {
		state.Differences = append(state.Differences, fmt.Sprintf("has %d partitions instead of %d", got, want.Partitions))
	}
	if got := have.Partitions.NumReplicas(); want.Replicas > 0 && got != int(want.Replicas) {
		state.Differences = append(state.Differences, fmt.Sprintf("has %d replicas instead of %d", got, want.Replicas))
	}
	configs, err := describeConfigs(ctx, admin, want.Name)
	if err != nil {
		return state, fmt.Errorf("describe topic %s: %w", want.Name, err)
	}
	for _, key := range slices.Sorted(maps.Keys(want.Configs)) {
		got, err := configValue(configs, want.Name, key)
		if err != nil {
			return state, fmt.Errorf("describe topic %s: %w", want.Name, err)
		}
		if got != want.Configs[key] {
			state.Differences = append(state.Differences, fmt.Sprintf("has %s=%s instead of %s", key, got, want.Configs[key]))
		}
	}
	return state, nil
}

// describeConfigs waits up to 2 s for a broker that does not know a new topic yet: another one listed it.
func describeConfigs(ctx context.Context, admin *kadm.Client, topic string) (kadm.ResourceConfigs, error) {
	for tries := 1; ; tries++ {
		configs, err := admin.DescribeTopicConfigs(ctx, topic)
		unknown := slices.ContainsFunc(configs, func(rc kadm.ResourceConfig) bool {
			return errors.Is(rc.Err, kerr.UnknownTopicOrPartition)
		})
		if err != nil || !unknown || tries == 20 {
			return configs, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func configValue(configs kadm.ResourceConfigs, topic, key string) (string, error) {
	for _, rc := range configs {
		if rc.Name != topic {
			continue
		}
		if rc.Err != nil {
			return "", rc.Err
		}
		for _, c := range rc.Configs {
			if c.Key == key {
				return c.MaybeValue(), nil
			}
		}
	}
	return "", nil
}

// Positions returns how far the group has come in the topic: by partition, the first offset that it is not done with.
// Partitions in which it has done nothing are left out.
func Positions(ctx context.Context, client *kgo.Client, group, topic string) (map[int32]int64, error) {
	offsets, err := kadm.NewClient(client).FetchOffsets(ctx, group)
	err = errors.Join(err, offsets.Error())
	if errors.Is(err, kerr.GroupIDNotFound) {
		return map[int32]int64{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fetch the position of group %s: %w", group, err)
	}
	positions := map[int32]int64{}
	for p, o := range offsets[topic] {
		if o.At >= 0 {
			positions[p] = o.At
		}
	}
	return positions, nil
}

// SetPositions writes how far the group has come in the given partitions. The group has no members: whoever reads by
// positions assigns itself all partitions, and so need not wait for the session of a reader that died.
func SetPositions(ctx context.Context, client *kgo.Client, group, topic string, positions map[int32]int64) error {
	offsets := kadm.Offsets{}
	for p, at := range positions {
		offsets.AddOffset(topic, p, at, -1)
	}
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, group, offsets); err != nil {
		return fmt.Errorf("commit the position of group %s: %w", group, err)
	}
	return nil
}
