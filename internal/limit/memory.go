package limit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

const (
	shards = 64 // more than cores: two requests seldom meet at one lock
	// maxClients bounds the memory that strangers can fill with addresses: about 100 bytes each, 10 MB in all.
	maxClients = 100_000
)

// Memory limits within one process.
type Memory struct {
	rate   Rate
	began  time.Time
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu  sync.Mutex
	due map[string]time.Duration // since began
	_   [48]byte                 // a cache line of its own
}

// NewMemory returns a limiter that remembers the 100,000 clients that are most in debt, at the least.
func NewMemory(rate Rate) *Memory {
	m := &Memory{rate: rate, began: time.Now(), seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].due = map[string]time.Duration{}
	}
	return m
}

// Take never fails.
func (m *Memory) Take(_ context.Context, client string, n int) (Decision, error) {
	return m.take(client, n, time.Since(m.began)), nil
}

func (m *Memory) take(client string, n int, now time.Duration) Decision {
	s := &m.shards[maphash.String(m.seed, client)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	due, known := s.due[client]
	if !known && len(s.due) >= maxClients/shards {
		s.makeRoom(now)
	}
	next, d := decide(m.rate, due, now, n)
	s.due[client] = next
	return d
}

// makeRoom forgets clients: those whose use is paid off, as an entry says nothing of them any more, and if all are in
// debt, any one. It looks at few, so that nobody's request pays for a long search; a map is walked in another order each
// time.
func (s *shard) makeRoom(now time.Duration) {
	looked, victim := 0, ""
	for client, due := range s.due {
		if victim = client; due <= now {
			delete(s.due, client)
		}
		if looked++; looked == 16 {
			break
		}
	}
	delete(s.due, victim)
}
