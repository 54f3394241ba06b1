package console

import (
	"sync"
	"time"
)

// journalBytes bounds what a Journal keeps: some 50,000 steps of ordinary events.
const journalBytes = 16 << 20

// Journal is the memory of what happened lately. It is bounded, and safe for concurrent use; adding to it waits for
// nobody.
type Journal struct {
	mu    sync.Mutex
	steps []Step // a ring once it is full
	head  int    // index of the oldest
	count int
	bytes int
	limit int
	seq   int64
	works map[uint64]bool // the events whose handlers are at work
}

// NewJournal returns an empty journal.
func NewJournal() *Journal { return &Journal{limit: journalBytes, works: map[uint64]bool{}} }

// Add takes down a step. Its time is now unless it has one.
func (j *Journal) Add(s Step) {
	s.bound()
	if s.At.IsZero() {
		s.At = time.Now()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	s.Seq = j.seq
	if key := identityHash(&s); s.State != Attempting {
		delete(j.works, key)
	} else if len(j.works) < maxWorks {
		j.works[key] = true
	}
	j.bytes += s.size()
	if j.count == len(j.steps) {
		j.grow()
	}
	j.steps[(j.head+j.count)%len(j.steps)] = s
	j.count++
	for j.bytes > j.limit && j.count > 1 {
		j.bytes -= j.steps[j.head].size()
		j.steps[j.head] = Step{}
		j.head = (j.head + 1) % len(j.steps)
		j.count--
	}
}

func (j *Journal) grow() {
	larger := make([]Step, max(1024, 2*len(j.steps)))
	for i := range j.count {
		larger[i] = j.steps[(j.head+i)%len(j.steps)]
	}
	j.steps, j.head = larger, 0
}

// maxWorks is above what one process has at work; what many processes have is not counted further.
const maxWorks = 10_000

func (j *Journal) inWork() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.works)
}

// since returns the newest of the steps behind seq, oldest first, limit at most, and how many there were; next is where
// to go on.
func (j *Journal) since(seq int64, limit int) (steps []Step, of int, next int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(int(j.seq-seq), j.count, limit)
	steps = make([]Step, 0, n)
	for i := j.count - n; i < j.count; i++ {
		steps = append(steps, j.steps[(j.head+i)%len(j.steps)])
	}
	return steps, int(j.seq - seq), j.seq
}

// of returns the steps of one event, oldest first, the newest 200 at most.
func (j *Journal) of(source, id string) []Step {
	source, id = clip(source, maxName), clip(id, maxName)
	j.mu.Lock()
	defer j.mu.Unlock()
	found := []Step{}
	for i := range j.count {
		if s := &j.steps[(j.head+i)%len(j.steps)]; s.ID == id && s.Source == source {
			found = append(found, *s)
		}
	}
	return found[max(0, len(found)-200):]
}
