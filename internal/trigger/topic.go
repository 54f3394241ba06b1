package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	lookTimeout  = 5 * time.Second // for one look at the topic
	lookInterval = time.Second
)

// awaitTopic returns the id of the topic once it exists, or an error when ctx ends. It is needed because a consumer of
// a missing topic reports nothing: it has no partition that could fail. If the topic is not the previous one, the
// group's commits for the previous one are removed first. Kafka removes them when it deletes a topic, but a late
// commit may have come after that, and the new topic's reader would skip records.
func awaitTopic(ctx context.Context, cfg Config, before kadm.TopicID, log *slog.Logger) (id kadm.TopicID, err error) {
	client, err := kgo.NewClient(cfg.ClientOptions...)
	if err != nil {
		return id, fmt.Errorf("create consumer of %s: %w", cfg.Topic, err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var missing seldom
	for {
		id, err := findTopic(ctx, admin, cfg.Topic)
		if err == nil && before != (kadm.TopicID{}) && before != id {
			log.Warn("the topic was deleted and created again; it is read from its start")
			err = forgetOffsets(ctx, admin, cfg)
		}
		if err == nil || ctx.Err() != nil {
			return id, nil
		}
		if missing.now() {
			log.Warn("waiting for the topic", "error", err)
		}
		pause(ctx, lookInterval)
	}
}

func findTopic(ctx context.Context, admin *kadm.Client, topic string) (id kadm.TopicID, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	topics, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return id, fmt.Errorf("ask Kafka for the topic: %w", err)
	}
	if err := topics[topic].Err; errors.Is(err, kerr.UnknownTopicOrPartition) {
		return id, errors.New("the topic does not exist; create it, for instance with `eventctl topics apply`")
	} else if err != nil {
		return id, fmt.Errorf("ask Kafka for the topic: %w", err)
	}
	return topics[topic].ID, nil
}

func forgetOffsets(ctx context.Context, admin *kadm.Client, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	offsets, err := admin.FetchOffsets(ctx, cfg.ConsumerGroup)
	old := kadm.TopicsSet{}
	for n := range offsets[cfg.Topic] {
		old.Add(cfg.Topic, n)
	}
	if err == nil && len(old) > 0 {
		var deleted kadm.DeleteOffsetsResponses
		deleted, err = admin.DeleteOffsets(ctx, cfg.ConsumerGroup, old)
		err = errors.Join(err, deleted.Error())
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("forget the offsets of the deleted topic: %w", err)
	}
	return nil
}
