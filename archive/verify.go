package archive

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Account is what is archived of a partition.
type Account struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Objects   int    `json:"objects"`
	Records   int64  `json:"records"`
	Copies    int64  `json:"copies"`        // records that are there once more
	Again     int64  `json:"created_again"` // places with records that differ: the topic was deleted and created again
	First     int64  `json:"first"`         // offset
	Last      int64  `json:"last"`          // offset, of a record or of one that is known not to be a record
	Missing   int64  `json:"missing"`       // offsets between them of which nothing is known
	Damaged   int    `json:"damaged"`       // objects
}

// Verify reads all of an archive. It yields an account of each partition and, before that, an error for each fault of
// it: a gap, an object that is damaged or can't be read, or one of another version. Of topics, "" is all.
func Verify(ctx context.Context, source Source, topic string) iter.Seq2[Account, error] {
	return func(yield func(Account, error) bool) {
		topics := map[string]bool{}
		for text, err := range source.List(ctx, root, "") {
			if err != nil {
				yield(Account{}, fmt.Errorf("list the archive: %w", err))
				return
			}
			n, ok := parseName(text)
			switch {
			case !ok:
				if !yield(Account{}, &VersionError{text}) {
					return
				}
			case topic == "" || n.topic == topic:
				topics[n.topic] = true
			}
		}
		for _, topic := range slices.Sorted(maps.Keys(topics)) {
			c, err := list(ctx, source, Range{Topic: topic}, func(*VersionError) error { return nil }) // said already
			if err != nil {
				yield(Account{}, err)
				return
			}
			for _, p := range slices.Sorted(maps.Keys(c.partitions)) {
				if !c.verify(ctx, p, yield) {
					return
				}
			}
		}
	}
}

func (c *Contents) verify(ctx context.Context, p int32, yield func(Account, error) bool) bool {
	names := c.partitions[p]
	a := Account{Topic: c.within.Topic, Partition: p, Objects: len(names), First: names[0].first, Last: names[0].last}
	for _, n := range names { // by their first offsets
		if missing := n.first - a.Last - 1; missing > 0 {
			a.Missing += missing
			if !yield(Account{}, fmt.Errorf("topic %s partition %d: nothing is archived of %d offsets, %d to %d",
				a.Topic, p, missing, a.Last+1, n.first-1)) {
				return false
			}
		}
		a.Last = max(a.Last, n.last)
	}
	last := int64(-1)
	for r := range c.partition(ctx, p) {
		switch {
		case r.err != nil:
			a.Damaged++
			if !yield(Account{}, r.err) {
				return false
			}
			continue
		case r.copied:
			a.Copies++
			continue
		case r.Offset == last:
			a.Again++
		}
		a.Records++
		last = r.Offset
	}
	return yield(a, nil)
}
