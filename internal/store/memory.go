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
// 500,000 events. It is safe for concurrent use. No call fails, but those of a File that can't be written.
type Memory struct {
	retention time.Duration
	limit     int
	keep      func(event.Identity, *entry) error // takes a change down before it holds; nil: nobody does

	mu      sync.Mutex
	entries map[event.Identity]*entry
	order   []event.Identity // every identity in entries once, oldest first, from head on
	head    int
}

// NewMemory returns an empty store that remembers each event for retention.
func NewMemory(retention time.Duration) *Memory {
	return &Memory{retention: retention, limit: memoryLimit, entries: map[event.Identity]*entry{}}
}

// Begin claims an event and counts the attempt.
func (m *Memory) Begin(_ context.Context, c event.Claim) (event.Reply, error) {
	now := time.Now()
	return m.apply(c.Identity, now, begin(c, now, m.retention))
}

// Renew moves the end of a lease.
func (m *Memory) Renew(_ context.Context, c event.Claim) (event.Reply, error) {
	now := time.Now()
	return m.apply(c.Identity, now, renew(c, now, m.retention))
}

// Finish writes the outcome of a claim.
func (m *Memory) Finish(_ context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	now := time.Now()
	return m.apply(c.Identity, now, finish(c, o, now, m.retention))
}

// Release ends a lease without an outcome.
func (m *Memory) Release(_ context.Context, c event.Claim, attempts int, reason string) error {
	now := time.Now()
	_, err := m.apply(c.Identity, now, release(c, attempts, reason, now, m.retention))
	return err
}

// Outcome tells what became of an event; false means that it is not known, or not finished.
func (m *Memory) Outcome(_ context.Context, id event.Identity) (event.Outcome, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := living(m.entries[id], time.Now())
	if e == nil || e.outcome.Status == "" {
		return event.Outcome{}, false, nil
	}
	o := e.outcome
	o.Identity = id
	return o, true, nil
}

// Check never fails: the memory works as long as the process does.
func (m *Memory) Check(context.Context) error { return nil }

func (m *Memory) apply(id event.Identity, now time.Time, r rule) (event.Reply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	reply, next := r(m.entries[id])
	if next == nil {
		return reply, nil
	}
	if m.keep != nil {
		if err := m.keep(id, next); err != nil {
			return event.Reply{}, err
		}
	}
	m.put(id, next, now)
	return reply, nil
}

func (m *Memory) put(id event.Identity, e *entry, now time.Time) {
	_, known := m.entries[id]
	m.entries[id] = e
	if !known {
		m.order = append(m.order, id)
		m.forget(now)
	}
}

// forget drops what is expired or over the limit. Each new event looks at two old ones at most, so that no call pays
// for all, and the old ones still go faster than new ones come.
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
