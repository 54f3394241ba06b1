package emf

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// maxTypes bounds the dimension: each new value of it is a metric that costs money every month, and clients choose
// types.
const maxTypes = 20

// eventTypes are those that a process counts by name, over all its invocations: the first maxTypes that it met.
type eventTypes struct {
	mu    sync.Mutex
	known map[string]bool
}

// name returns what events of a type are counted under.
func (t *eventTypes) name(eventType string) string {
	value := dimensionValue(eventType)
	if value == noValue || value == otherValue {
		return value
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known[value] {
		if len(t.known) >= maxTypes {
			return otherValue
		}
		t.known[value] = true
	}
	return value
}

// counts are what became of the events of one type.
type counts struct {
	processed, duplicates, retries, unfinished int
}

// invocation counts while a batch is processed. Its records are processed side by side.
type invocation struct {
	function string
	w        io.Writer
	types    *eventTypes

	mu     sync.Mutex
	byType map[string]*counts
}

type key struct{}

func of(ctx context.Context) *invocation {
	i, _ := ctx.Value(key{}).(*invocation)
	return i
}

// add counts an event of a type. count is told the type that it is counted under.
func (i *invocation) add(eventType string, count func(c *counts, eventType string)) {
	if i == nil { // a call outside of any invocation
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	eventType = i.types.name(eventType)
	c := i.byType[eventType]
	if c == nil {
		c = &counts{}
		i.byType[eventType] = c
	}
	count(c, eventType)
}

// finished counts the end of one event, as the store sees it.
func (i *invocation) finished(o event.Outcome, a event.Answer) {
	i.add(o.Type, func(n *counts, eventType string) {
		switch {
		case a == event.Done:
			n.duplicates++
			return
		case a != event.Written:
			return
		case o.Status == event.StatusDeadLettered:
			i.deadLettered(eventType, o)
		default:
			n.processed++
		}
		n.retries += max(0, o.Attempts-1)
	})
}

// unreadable counts an event that becomes a dead letter because the store can't read what it has of it, and so is never
// told of its end.
func (i *invocation) unreadable(c event.Claim, err error) {
	if errors.Is(err, event.ErrUnreadable) {
		i.finished(event.Outcome{Type: c.Type, Status: event.StatusDeadLettered, At: time.Now()}, event.Written)
	}
}

// deadLettered writes one dead letter. The caller holds mu, so that lines do not mix.
func (i *invocation) deadLettered(eventType string, o event.Outcome) {
	d := i.ofType("dead letter counted", eventType, o.At)
	d.overall = true
	d.metric("EventsDeadLettered", "Count", 1)
	d.metric("DeadLettersIncomplete", "Count", boolean(o.Incomplete))
	if line, err := d.line(); err == nil { // can't fail: it is a number and strings
		_, _ = i.w.Write(line) // the event has ended, whether it is counted or not
	}
}

func (i *invocation) ofType(msg, eventType string, at time.Time) document {
	d := document{at: at, values: map[string]any{"msg": msg}}
	d.dimension("FunctionName", i.function)
	d.dimension("EventType", eventType)
	return d
}

// documents are the batch, and one for each type of event in it.
func (i *invocation) documents(in *payload.Batch, began, ended time.Time, failed bool) []document {
	size, ages := measure(in, ended)
	batch := document{at: ended, values: map[string]any{"msg": "batch processed"}}
	batch.dimension("FunctionName", i.function)
	batch.metric("BatchSize", "Count", size)
	batch.metric("BatchDuration", "Milliseconds", float64(ended.Sub(began).Microseconds())/1000)
	batch.metric("BatchFailures", "Count", boolean(failed))
	if len(ages) > 0 {
		batch.metric("EventAge", "Milliseconds", ages)
	}
	all := []document{batch}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, eventType := range slices.Sorted(maps.Keys(i.byType)) {
		c := i.byType[eventType]
		d := i.ofType("events processed", eventType, ended)
		d.metric("EventsProcessed", "Count", c.processed)
		d.metric("EventsDuplicate", "Count", c.duplicates)
		d.metric("EventsUnfinished", "Count", c.unfinished)
		d.metric("EventRetries", "Count", c.retries)
		all = append(all, d)
	}
	return all
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// maxValues is how many values one metric of a document may have.
const maxValues = 100

// measure tells how many records a batch has and, of at most 100 spread over it, how old they are: the time from when
// Kafka, or its producer, stamped the record.
func measure(in *payload.Batch, now time.Time) (size int, ages []float64) {
	size = in.Len()
	step, n := (size+maxValues-1)/maxValues, 0
	for _, partition := range in.Partitions {
		for j := range partition.Records {
			stamp := partition.Records[j].Timestamp
			if n++; (n-1)%step == 0 && !stamp.IsZero() {
				ages = append(ages, max(0, float64(now.Sub(stamp).Milliseconds())))
			}
		}
	}
	return size, ages
}
