//go:build faults

package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// readTopic returns all records of a topic by partition, in their order.
func readTopic(t *testing.T, brokers string, client *kgo.Client, topic string) []event.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	spans, err := kafka.Bounds(ctx, client, topic, time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var records []event.Record
	for r, err := range kafka.Read(ctx, kafkaOf(brokers), topic, spans) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

// census compares the answers to clients with the records of the topic.
type census struct {
	accepted, stored, lost, duplicated, refused, unknown int
	faults                                               []string
}

func (c *census) fault(format string, args ...any) {
	if len(c.faults) < 20 {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

// String is the summary: events accepted, stored, accepted but lost, stored more than once because a client sent them
// again, refused (never sent, or for good), and of unknown fate.
func (c *census) String() string {
	return fmt.Sprintf("accepted %d stored %d lost %d duplicated %d refused %d unknown %d",
		c.accepted, c.stored, c.lost, c.duplicated, c.refused, c.unknown)
}

func takeCensus(l *ledger, records []event.Record) *census {
	c := &census{faults: l.strange}
	copies := map[string][]event.Record{}
	for _, r := range records {
		e, err := event.FromRecord(&r)
		if err != nil {
			c.fault("%s can't be read: %v", r.Place, err)
			continue
		}
		copies[e.ID] = append(copies[e.ID], r)
		switch sent := l.entries[e.ID]; {
		case sent == nil:
			c.fault("%s holds %s, which nobody sent", r.Place, e.ID)
		case string(r.Value) != sent.data() || string(r.Key) != sent.key || e.Type != sent.eventType:
			c.fault("%s holds %s with other bytes: key %q, value %q", r.Place, e.ID, r.Key, r.Value)
		}
	}
	c.stored = len(copies)
	for id, e := range l.entries {
		found := copies[id]
		if len(found) > 1 {
			c.duplicated++
		}
		switch {
		case e.fate == fateAccepted && len(found) == 0:
			c.lost++
			c.fault("%s was accepted (partition %d offset %d) and is not there", id, e.partition, e.offset)
		case e.fate == fateNeverSent && len(found) > 0:
			c.fault("%s was said never to have been sent, and lies at %s", id, found[0].Place)
		case e.fate == fateRefused && len(found) > 0:
			c.fault("%s was refused, and lies at %s", id, found[0].Place)
		case len(found) > e.tries:
			c.fault("%s was sent %d times and is there %d times", id, e.tries, len(found))
		case e.told && !liesAt(found, e.partition, e.offset):
			c.fault("%s was said to lie at %d/%d, and does not", id, e.partition, e.offset)
		}
	}
	c.accepted = l.count(fateAccepted)
	c.refused = l.count(fateNeverSent) + l.count(fateRefused)
	c.unknown = l.count(fateUnknown)
	return c
}

func liesAt(records []event.Record, partition int32, offset int64) bool {
	for _, r := range records {
		if r.Partition == partition && r.Offset == offset {
			return true
		}
	}
	return false
}
