package store

import (
	"context"
	"sync"
	"time"

	"event-processing-service/internal/event"
)

// memoryLimit bounds Memory: about 500 bytes an event, so 250 MB at most.
const memoryLimit = 500_000

// Memory remembers events in one process, for a laptop and for tests: a restart forgets everything. It keeps the newest
// 500,000 events. It is safe for concurrent use.
type Memory struct {
	retention time.Duration
	limit     int

	mu      sync.Mutex
	entries map[event.Identity]*entry
	order   []event.Identity // every identity in entries once, oldest first, from head on
	head    int
}

// NewMemory returns an empty store that remembers each event for retention.
func NewMemory(retention time.Duration) *Memory {
	return &Memory{retention: retention, limit: memoryLimit, entries: map[event.Identity]*entry{}}
}

// Begin claims an event and counts the attempt. It never fails.
func (m *Memory) Begin(_ context.Context, c event.Claim) (event.Claim, error) {
	now := time.Now()
	return m.apply(c.Identity, now, begin(c, now, m.retention)), nil
}

// Finish writes the outcome of a claim. It never fails.
func (m *Memory) Finish(_ context.Context, c event.Claim, o event.Outcome) (event.Claim, error) {
	now := time.Now()
	return m.apply(c.Identity, now, finish(c, o, now, m.retention)), nil
}

// Outcome tells what became of an event; false means that it is not known, or not finished. It never fails.
func (m *Memory) Outcome(_ context.Context, id event.Identity) (event.Outcome, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := living(m.entries[id], time.Now())
	if e == nil || e.outcome.Status == event.StatusUnfinished {
		return event.Outcome{}, false, nil
	}
	o := e.outcome
	o.Identity = id
	return o, true, nil
}

// Check never fails: the memory is well as long as the process is.
func (m *Memory) Check(context.Context) error { return nil }

func (m *Memory) apply(id event.Identity, now time.Time, r rule) event.Claim {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, known := m.entries[id]
	c, next := r(old)
	if next == nil {
		return c
	}
	m.entries[id] = next
	if !known {
		m.order = append(m.order, id)
		m.forget(now)
	}
	return c
}

// forget drops what is expired or over the limit. Each new event looks at two old ones at most, so that no call pays for
// all, and the old ones still go faster than new ones come.
func (m *Memory) forget(now time.Time) {
	for range 2 {
		oldest := m.order[m.head]
		if len(m.entries) <= m.limit && now.Before(m.entries[oldest].expires) {
			return
		}
		delete(m.entries, oldest)
		m.order[m.head] = event.Identity{} // lets go of the strings
		m.head++
		if m.head*2 > len(m.order) { // amortized: what is moved was appended once and is at most half
			m.order = append([]event.Identity(nil), m.order[m.head:]...)
			m.head = 0
		}
	}
}
