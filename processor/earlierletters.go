package processor

import (
	"context"
	"time"

	"event-processing-service/internal/event"
)

// earlierLetters finds dead letters that earlier processes left, for one invocation. The topic is read on the first
// request, once for all records that were taken over together, because each reading is a connection, and brokers with
// IAM accept few.
type earlierLetters struct {
	dead   DeadLetters
	slack  time.Duration // difference of clocks
	member string        // Config.ForeignIDMember
	turn   chan struct{} // buffered for one; its holder may use what follows

	from, to time.Time // time range of the known letters
	known    map[try]earlierLetter
}

// try is one passage of an event through the processor: the first, or a replay.
type try struct {
	event.Identity
	hops int // of the dead letter in which it may end
}

type earlierLetter struct {
	place    event.Place
	attempts int
	reason   string
}

func (p *Processor) newEarlierLetters() *earlierLetters {
	return &earlierLetters{
		dead: p.deadLetters, slack: p.cfg.lease(), member: p.cfg.ForeignIDMember,
		turn: make(chan struct{}, 1), known: map[try]earlierLetter{},
	}
}

// find looks for the letter of a try that was stored after from and before to.
func (b *earlierLetters) find(ctx context.Context, of try, from, to time.Time) (earlierLetter, bool, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return earlierLetter{}, false, ctx.Err()
	}
	from = from.Add(-b.slack)
	letter, found := b.known[of]
	if covered := !b.to.IsZero() && !from.Before(b.from) && to.Before(b.to); found || covered {
		return letter, found, nil
	}
	// Reads further back than asked, for records that were taken over together with this one and began a little earlier.
	err := b.read(ctx, from.Add(-b.slack))
	letter, found = b.known[of]
	if found {
		err = nil // the letter is there; what is missing behind it does not matter
	}
	return letter, found, err
}

func (b *earlierLetters) read(ctx context.Context, from time.Time) error {
	if !b.to.IsZero() && b.from.Before(from) {
		from = b.from
	}
	to := time.Now()
	for r, err := range b.dead.Since(ctx, from) {
		if err != nil {
			return err
		}
		letter, ok := ReadDeadLetter(&r)
		if !ok {
			continue
		}
		e, _ := Decode(&r, b.member) // has the identity even with an error
		of := try{e.Identity(), letter.Hops}
		if _, twice := b.known[of]; !twice {
			b.known[of] = earlierLetter{r.Place, letter.Attempts, letter.Error}
		}
	}
	b.from, b.to = from, to
	return nil
}

// blindAfter × MaxAttempts is how often work on a record begins before its dead letter is stored without looking for
// an earlier one. Brokers that are away return in fewer deliveries; what remains is a missing right, or a topic that
// is too large to read.
const blindAfter = 4

// earlierLetter returns the dead letter that an earlier process stored before it died, or whose acknowledgement was
// lost. An error asks for another delivery. After many errors it reports no letter, and the letter is stored again:
// two are better than none. It does not look for a letter if no other process began work on the event.
func (j *job) earlierLetter(ctx context.Context) (earlierLetter, bool, error) {
	if !j.inherited {
		return earlierLetter{}, false, nil
	}
	last := j.attempts() >= blindAfter*j.cfg.MaxAttempts
	if end, ok := ctx.Deadline(); ok {
		budget := time.Until(end) * 3 / 4 // the rest is for storing the letter, over a connection that exists by then
		if last {
			budget = time.Until(end) / 2
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, budget)
		defer cancel()
	}
	of := try{j.claim.Identity, j.claim.Hops + 1}
	for failures := 1; ; failures++ {
		letter, found, err := j.letters.find(ctx, of, j.claim.Last.Began, j.claimed)
		switch {
		case err == nil:
			return letter, found, nil
		case pause(ctx, j.retryAfter(failures)):
		case !last:
			return letter, false, err
		default:
			j.logNotLookedFor(ctx, err)
			return letter, false, nil
		}
	}
}
