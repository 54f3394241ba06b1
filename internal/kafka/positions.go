package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

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

// SetPositions writes how far the group has come in the given partitions. The group has no members: who reads by
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
