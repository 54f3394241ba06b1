//go:build faults

package faults

import (
	"fmt"
	"sync"
)

// fate is what the client knows of an event after all its tries.
type fate int

const (
	fateNeverSent fate = iota // every try: no connection, or the API says that it did not reach Kafka
	fateRefused               // refused for good, and not sent in another try
	fateUnknown               // a try may have stored it
	fateAccepted              // a try was answered with a 2xx
)

// entry is one event of the load.
type entry struct {
	id, key, eventType string
	seq                int // position among the events of its key
	tries              int
	fate               fate
	partition          int32 // in the 2xx, if it has one
	offset             int64
	told               bool
}

// data is the event's data: bytes that the test can recognise.
func (e *entry) data() string { return fmt.Sprintf(`{"id":%q , "seq":%d}`, e.id, e.seq) }

// learn adds the outcome of one more try. An accepted event stays accepted.
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
	strange []string // answers that a client should never get
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
