//go:build faults

package faults

import (
	"fmt"
	"sync"
)

// fate is what the client was told of an event, over all its tries.
type fate int

const (
	fateNeverSent fate = iota // every try: nobody took the connection, or the API says that Kafka was never given it
	fateRefused               // for good, and never sent in another try
	fateUnknown               // some try may have stored it
	fateAccepted              // some try was answered with a 2xx
)

// entry is one event of the load.
type entry struct {
	id, key, eventType string
	seq                int // of its key, in the order in which they were made
	tries              int
	fate               fate
	partition          int32 // of the 2xx, where it told
	offset             int64
	told               bool
}

// data is the event's data: bytes that can be recognised.
func (e *entry) data() string { return fmt.Sprintf(`{"id":%q , "seq":%d}`, e.id, e.seq) }

// learn takes down the outcome of one more try. An event that once was accepted stays so.
func (e *entry) learn(f fate) {
	e.tries++
	if e.tries == 1 || f > e.fate {
		e.fate = f
	}
}

// ledger is all events of a load.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*entry
	strange []string // answers that no client should see
}

func newLedger() *ledger { return &ledger{entries: map[string]*entry{}} }

func (l *ledger) add(entries ...*entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		l.entries[e.id] = e
	}
}

func (l *ledger) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.strange) < 20 {
		l.strange = append(l.strange, fmt.Sprintf(format, args...))
	}
}

func (l *ledger) count(f fate) int {
	n := 0
	for _, e := range l.entries {
		if e.fate == f {
			n++
		}
	}
	return n
}
