package processor

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// item is one record on its way through an invocation.
type item struct {
	raw       *payload.Record
	partition string // the payload's name of it, "<topic>-<partition number>"
	next      int    // index of the next record with the same key, -1: none
	err       error  // why the record is not finished
}

var errBehind = errors.New("behind a record of the same key that is not finished")

// batch holds the items, by partition and within each by offset.
type batch struct {
	items   []item
	heads   []int          // index of the first record of each lane: the records of one key, or one record without a key
	company *event.Company // of the lanes, each of which works on one record at a time
}

// seed makes the hashes unpredictable, so that nobody can choose keys with the same hash.
var seed = maphash.MakeSeed()

func newBatch(in *payload.Batch, mux *Mux) *batch {
	count := in.Len()
	b := &batch{items: make([]item, 0, count), heads: make([]int, 0, count)}
	tails := map[uint64]int{} // index of the last record of each key
	for _, partition := range in.Partitions {
		records := partition.Records
		start := len(b.items)
		for i := range records {
			b.items = append(b.items, item{raw: &records[i], partition: partition.Name, next: -1})
		}
		// Lambda delivers in order; a payload written by hand may not be.
		slices.SortStableFunc(b.items[start:], func(x, y item) int { return cmp.Compare(x.raw.Offset, y.raw.Offset) })
		clear(tails)
		for i := start; i < len(b.items); i++ {
			// The key's text in the payload is sufficient: equal keys have equal texts. So is its hash: if two keys share one,
			// they only wait for each other. A record without a key has no order and is a lane by itself.
			key := b.items[i].raw.KeyText()
			if key == nil || mux.waitsForNobody(b.items[i].raw) {
				b.heads = append(b.heads, i)
				continue
			}
			hash := maphash.Bytes(seed, key)
			if tail, ok := tails[hash]; ok {
				b.items[tail].next = i
			} else {
				b.heads = append(b.heads, i)
			}
			tails[hash] = i
		}
	}
	b.company = event.NewCompany(len(b.heads))
	return b
}

// abandon marks the rest of a lane as not begun.
func (b *batch) abandon(i int) {
	for ; i >= 0; i = b.items[i].next {
		b.items[i].err = errBehind
	}
}

// failures returns, for each partition, the first unfinished record and all behind it. Some of those may be finished:
// they are skipped when they come again. Leaving them out would let the mapping commit an offset behind the first.
func (b *batch) failures() []payload.BatchItemFailure {
	failures := []payload.BatchItemFailure{}
	failed, isFailed := "", false
	for _, i := range b.items {
		if i.err != nil {
			failed, isFailed = i.partition, true
		}
		if isFailed && i.partition == failed {
			at := payload.ItemIdentifier{Partition: i.partition, Offset: i.raw.Offset}
			failures = append(failures, payload.BatchItemFailure{ItemIdentifier: at})
		}
	}
	return failures
}

// err returns nil if all records are finished. Otherwise it says how many are not, and why the first is not.
func (b *batch) err() error {
	var first *item
	count := 0
	for i := range b.items {
		if b.items[i].err != nil {
			count++
			if first == nil {
				first = &b.items[i]
			}
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("process batch: %d of %d records not finished, the first at offset %d of %s: %w",
		count, len(b.items), first.raw.Offset, first.partition, first.err)
}
