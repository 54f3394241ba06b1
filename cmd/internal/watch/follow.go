package watch

import (
	"context"
	"sync"
	"time"

	"event-processing-service/console"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// follower follows a processor in another process by its topics and its store.
type follower struct {
	records     *records
	reader      *kafka.Rereader
	journal     *console.Journal
	deadLetters string           // "": not followed, because the processor's log reports them
	outcomes    console.Outcomes // nil: not asked
}

const (
	followEvery = 500 * time.Millisecond
	// maxFollowed bounds how many records of a partition are read at a time. If there are more, the oldest are skipped:
	// the page shows a sample anyway, and a console must not read as much as another consumer of the topic.
	maxFollowed = 100
	// maxAsked bounds how many outcomes are asked for at a time, and maxWaited how many events wait for their outcome.
	maxAsked, maxWaited = 25, 1000
)

// follow reads new records, beginning with the newest, until ctx ends.
func (f *follower) follow(ctx context.Context) error {
	seen := map[string]map[int32]int64{f.records.events: {}}
	if f.deadLetters != "" {
		seen[f.deadLetters] = map[int32]int64{}
	}
	var waiting []console.Step
	for ctx.Err() == nil {
		for topic, positions := range seen {
			err := f.catchUp(ctx, topic, positions, func(r event.Record) {
				s := f.step(r, topic == f.deadLetters)
				if f.journal.Add(s); s.State == console.Accepted {
					waiting = append(waiting, s)
				}
			})
			if err != nil {
				return err
			}
		}
		waiting = f.ask(ctx, waiting[max(0, len(waiting)-maxWaited):])
		select {
		case <-ctx.Done():
		case <-time.After(followEvery):
		}
	}
	return nil
}

func (f *follower) catchUp(ctx context.Context, topic string, positions map[int32]int64,
	tell func(event.Record)) error {
	bounds, err := kafka.Bounds(ctx, f.records.client, topic, time.Time{}, time.Time{})
	if err != nil {
		return err
	}
	spans := kafka.Spans{}
	for p, b := range bounds {
		first := max(b.First, b.End-maxFollowed)
		if at, ok := positions[p]; ok {
			first = max(first, at)
		}
		if positions[p] = b.End; first < b.End {
			spans[p] = kafka.Span{First: first, End: b.End}
		}
	}
	for r, err := range f.reader.Read(ctx, topic, spans) {
		if err != nil {
			return err
		}
		tell(r)
	}
	return nil
}

func (f *follower) step(r event.Record, isLetter bool) console.Step {
	l := f.records.letter(r)
	s := console.Step{
		State: console.Accepted, Type: l.Event.Type, ID: l.Identity.ID, Source: l.Identity.Source, Key: string(r.Key),
		Place: console.PlaceOf(r.Place), At: r.Timestamp,
	}
	switch {
	case isLetter:
		s.State, s.Error, s.Attempt, s.At = console.DeadLettered, l.Error, l.Attempts, l.FailedAt
		if l.Origin.Topic != "" {
			s.Place = console.PlaceOf(l.Origin)
		}
	case l.Hops > 0:
		s.State = console.Replayed
	}
	return s
}

// ask asks the store for the outcomes of the events that wait longest, and returns the events without an outcome.
func (f *follower) ask(ctx context.Context, waiting []console.Step) []console.Step {
	if f.outcomes == nil {
		return nil
	}
	n := min(len(waiting), maxAsked)
	outcomes, known := make([]event.Outcome, n), make([]bool, n)
	var asked sync.WaitGroup
	for i := range n {
		asked.Go(func() {
			id := event.Identity{Source: waiting[i].Source, ID: waiting[i].ID}
			var err error
			if outcomes[i], known[i], err = f.outcomes.Outcome(ctx, id); err != nil {
				known[i] = false
			}
		})
	}
	asked.Wait()
	left := waiting[n:]
	for i, o := range outcomes {
		s := waiting[i]
		switch {
		case !known[i]:
			left = append(left, s)
		case o.Place != (event.Place{Topic: s.Place.Topic, Partition: s.Place.Partition, Offset: s.Place.Offset}):
			s.State, s.At = console.Dropped, time.Time{}
			f.journal.Add(s)
		case o.Status == event.StatusProcessed:
			s.State, s.Attempt, s.At = console.Processed, o.Attempts, o.At
			f.journal.Add(s)
		}
	}
	return left
}
