package archive

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"event-processing-service/internal/event"
)

// Source is where an archive is read.
type Source interface {
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// List yields the names that begin with prefix and are not below from, in the order of their bytes. An error is the
	// last that it yields.
	List(ctx context.Context, prefix, from string) iter.Seq2[string, error]
}

// Range is what to read of a topic: the records with a timestamp from From on, below To. Zero times do not bound.
type Range struct {
	Topic    string
	From, To time.Time
}

func (g Range) holds(r *event.Record) bool {
	return !r.Timestamp.Before(g.From) && (g.To.IsZero() || r.Timestamp.Before(g.To))
}

// mayHold tells whether an object of this hour may have a record of the range.
func (g Range) mayHold(hour time.Time) bool {
	return hour.IsZero() || hour.Add(time.Hour).After(g.From) && !g.isBefore(hour)
}

func (g Range) isBefore(hour time.Time) bool {
	return !g.To.IsZero() && !hour.Add(-time.Hour).Before(g.To)
}

// VersionError says that the archive has objects which this program does not know how to read, or that are not the
// archive's: whoever took what is left for all of it would miss records.
type VersionError struct{ Name string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("object %s is of another version of the archive, or not the archive's", e.Name)
}

// Contents are the objects of a topic that may hold records of a range.
type Contents struct {
	source     Source
	within     Range
	partitions map[int32][]name // by first offset
	foreign    func(*VersionError) error
}

// List lists a topic's objects. An object that this version does not write is a *VersionError.
func List(ctx context.Context, source Source, within Range) (*Contents, error) {
	if err := checkVersions(ctx, source); err != nil {
		return nil, err
	}
	return list(ctx, source, within, func(err *VersionError) error { return err })
}

// list asks what to do about an object of another version.
func list(ctx context.Context, source Source, within Range, foreign func(*VersionError) error) (*Contents, error) {
	c := &Contents{source: source, within: within, partitions: map[int32][]name{}, foreign: foreign}
	dated := topicPrefix(within.Topic) + "date="
	from := ""
	if hour := hourOf(within.From); !hour.IsZero() {
		from = dated + hour.Format(time.DateOnly)
	}
	if err := c.list(ctx, dated, from); err != nil {
		return nil, err
	}
	for _, names := range c.partitions {
		slices.SortFunc(names, func(a, b name) int {
			return cmp.Or(cmp.Compare(a.first, b.first), a.hour.Compare(b.hour), cmp.Compare(a.last, b.last),
				strings.Compare(a.tag, b.tag))
		})
	}
	return c, nil
}

func (c *Contents) list(ctx context.Context, prefix, from string) error {
	for text, err := range c.source.List(ctx, prefix, from) {
		if err != nil {
			return fmt.Errorf("list the archive: %w", err)
		}
		n, ok := parseName(text)
		switch {
		case !ok:
			if err := c.foreign(&VersionError{text}); err != nil {
				return err
			}
		case !n.hour.IsZero() && c.within.isBefore(n.hour): // names are in the order of their hours, mixed ones last
			return c.list(ctx, prefix+"mixed/", "")
		case c.within.mayHold(n.hour):
			n.topic = c.within.Topic // one text for all
			c.partitions[n.partition] = append(c.partitions[n.partition], n)
		}
	}
	return nil
}

// checkVersions looks for the first object before those of this version, and for the first behind them.
func checkVersions(ctx context.Context, source Source) error {
	for _, from := range []string{"", Prefix[:len(Prefix)-1] + "0"} { // "0" comes after "/"
		for text, err := range source.List(ctx, root, from) {
			if err != nil {
				return fmt.Errorf("list the archive: %w", err)
			}
			if !strings.HasPrefix(text, Prefix) {
				return &VersionError{text}
			}
			break
		}
	}
	return nil
}

// Len is about how many records there are: copies count, and so do records of other times in the same objects.
func (c *Contents) Len() (records int64) {
	for _, names := range c.partitions {
		for _, n := range names {
			records += n.last - n.first + 1
		}
	}
	return records
}

// Skip leaves out what lies before these offsets, by partition.
func (c *Contents) Skip(before map[int32]int64) {
	for p, offset := range before {
		c.partitions[p] = slices.DeleteFunc(c.partitions[p], func(n name) bool { return n.last < offset })
	}
}

// Records yields the records of the range, each once, those of each partition in the order of their offsets, those of
// different partitions about in the order of time. It holds one object of each partition, or as many as overlap.
//
// An error of an object is yielded in its place, and whoever goes on gets what other objects have. A *DamagedError will
// not pass.
func (c *Contents) Records(ctx context.Context) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		type lane struct {
			next func() (read, bool)
			head read
		}
		var lanes []*lane
		for _, p := range slices.Sorted(maps.Keys(c.partitions)) {
			next, stop := iter.Pull(c.partition(ctx, p))
			defer stop()
			if head, ok := next(); ok {
				lanes = append(lanes, &lane{next, head})
			}
		}
		for len(lanes) > 0 {
			i := 0
			for j, l := range lanes {
				if l.head.Timestamp.Before(lanes[i].head.Timestamp) {
					i = j
				}
			}
			l := lanes[i]
			wanted := l.head.err != nil || !l.head.copied && c.within.holds(&l.head.Record)
			if wanted && !yield(l.head.Record, l.head.err) {
				return
			}
			var ok bool
			if l.head, ok = l.next(); !ok {
				lanes = slices.Delete(lanes, i, i+1)
			}
		}
	}
}

// read is a record, or why some are missing.
type read struct {
	event.Record
	err    error
	copied bool // it was there before
}

// partition yields all records of a partition by their offsets, and errors. Of one place there may be copies, and,
// where the topic was deleted and created again, records that differ, in the order of their hours.
func (c *Contents) partition(ctx context.Context, p int32) iter.Seq[read] {
	return func(yield func(read) bool) {
		left := c.partitions[p]
		var open [][]event.Record // what is left of each object that was begun
		var same []event.Record   // those of the last place
		for {
			first := -1
			for i, records := range open {
				if first < 0 || records[0].Offset < open[first][0].Offset {
					first = i
				}
			}
			if len(left) > 0 && (first < 0 || left[0].first <= open[first][0].Offset) {
				records, err := readRecords(ctx, c.source, left[0])
				left = left[1:]
				switch {
				case err != nil:
					if !yield(read{err: err}) || ctx.Err() != nil {
						return
					}
				case len(records) > 0:
					open = append(open, records)
				}
				continue
			}
			if first < 0 {
				return
			}
			r := read{Record: open[first][0]}
			if open[first] = open[first][1:]; len(open[first]) == 0 {
				open = slices.Delete(open, first, first+1)
			}
			if len(same) > 0 && same[0].Offset != r.Offset {
				same = same[:0]
			}
			r.copied = slices.ContainsFunc(same, func(s event.Record) bool { return equal(&s, &r.Record) })
			if !r.copied {
				same = append(same, r.Record)
			}
			if !yield(r) {
				return
			}
		}
	}
}

func equal(a, b *event.Record) bool { return bytes.Equal(AppendLine(nil, a), AppendLine(nil, b)) }
