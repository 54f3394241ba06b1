package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"event-processing-service/internal/event"
)

const (
	// DynamoDB's limit of statements in a request.
	maxTogether = 25
	// About one round trip: a change that waits for others costs no more time than it would cost if it went ahead of them
	// and they had to wait for its answer.
	maxGatherTime = 5 * time.Millisecond
)

// gathering makes requests of the changes that a company makes at about the same time. It waits while others of the
// company can still come: callers that wait here, or for an answer, can't. So a request goes off when it is full, when
// all who are left are in requests, and after maxGatherTime at the latest.
type gathering struct {
	company *event.Company
	send    func(context.Context, []*change)

	mu      sync.Mutex
	waiting []*change
	timer   *time.Timer // of those who wait; nil: nobody has waited yet
	asking  int         // how many wait for an answer
}

// change is one entry's in a request with others.
type change struct {
	of        subject
	key       string
	old, next *entry
	answer    answer
	done      chan struct{} // closed when there is the answer
	request   *request      // nil: it waits
	ctx       context.Context
}

// answer is what became of a change: as put says, or errAskAlone, or errBusy.
type answer struct {
	there *entry
	err   error
}

// request is cancelled when nobody waits for its answer any more.
type request struct {
	cancel context.CancelFunc
	asking int
}

func newGathering(c *event.Company, send func(context.Context, []*change)) *gathering {
	return &gathering{company: c, send: send}
}

// put makes a change together with others. With an error of ctx it may have been made all the same.
func (g *gathering) put(ctx context.Context, of subject, old, next *entry) answer {
	if err := ctx.Err(); err != nil {
		return answer{err: err}
	}
	c := &change{of: of, key: partitionKey(of), old: old, next: next, done: make(chan struct{}), ctx: ctx}
	g.join(c)
	select {
	case <-c.done:
		return c.answer
	case <-ctx.Done():
		if g.leave(c); c.isAnswered() {
			return c.answer
		}
		return answer{err: ctx.Err()}
	}
}

func (g *gathering) join(c *change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, other := range g.waiting {
		if other.key == c.key { // DynamoDB refuses a request that has two changes of one item
			g.sendOff()
			break
		}
	}
	g.waiting = append(g.waiting, c)
	switch {
	case g.timer == nil:
		g.timer = time.AfterFunc(maxGatherTime, g.depart)
	case len(g.waiting) == 1:
		g.timer.Reset(maxGatherTime)
	}
	g.sendOffIfComplete()
}

func (c *change) isAnswered() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// leave gives a change up, whether or not it is under way.
func (g *gathering) leave(c *change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.request != nil {
		if c.request.asking--; c.request.asking == 0 {
			c.request.cancel()
		}
		return
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(other *change) bool { return other == c })
}

// Left sends off what waits for nobody else any more.
func (g *gathering) Left() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sendOffIfComplete()
}

func (g *gathering) depart() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sendOff()
}

func (g *gathering) sendOffIfComplete() {
	if n := len(g.waiting); n == maxTogether || n > 0 && n+g.asking >= g.company.Size() {
		g.sendOff()
	}
}

// sendOff makes a request of all that wait. The caller holds mu.
func (g *gathering) sendOff() {
	changes := slices.DeleteFunc(g.waiting, func(c *change) bool { return c.ctx.Err() != nil }) // they are about to leave
	g.waiting = nil
	if len(changes) == 0 {
		return
	}
	g.timer.Stop()
	g.asking += len(changes)
	// The first one's end is not that of the others. Whose end comes first gives its own change up.
	ctx, cancel := context.WithCancel(context.WithoutCancel(changes[0].ctx))
	r := &request{cancel: cancel, asking: len(changes)}
	for _, c := range changes {
		c.request = r
	}
	go func() {
		defer cancel()
		g.send(ctx, changes)
		g.mu.Lock()
		g.asking -= len(changes)
		g.mu.Unlock()
		for _, c := range changes {
			close(c.done)
		}
	}()
}
