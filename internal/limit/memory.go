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
	began  time.Time
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu  sync.Mutex
	due map[string]time.Duration // since began
	_   [48]byte                 // a cache line of its own
}

// NewMemory returns a limiter that remembers at least the 100,000 clients that are most in debt.
func NewMemory() *Memory {
	m := &Memory{began: time.Now(), seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].due = map[string]time.Duration{}
	}
	return m
}

// Take never fails.
func (m *Memory) Take(_ context.Context, client string, r Rate, n int) (Decision, error) {
	return m.take(client, r, n, time.Since(m.began)), nil
}

func (m *Memory) take(client string, r Rate, n int, now time.Duration) Decision {
	s := &m.shards[maphash.String(m.seed, client)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	due, known := s.due[client]
	if !known && len(s.due) >= maxClients/shards {
		s.makeRoom(now)
	}
	next, d := decide(r, due, now, n)
	s.due[client] = next
	return d
}

// makeRoom forgets clients: those whose use is paid off, as their entries no longer say anything, or any one if all are
// in debt. It looks at only a few, so that no request pays for a long search; Go walks a map in a different order each
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
