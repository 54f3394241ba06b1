package processor

import (
	"context"
	"time"

	"event-processing-service/internal/event"
)

// earlierLetters knows which dead letters earlier processes left, for one invocation. The topic is read when it is
// first asked, once for all records that were taken over together: each reading is a connection, of which brokers with
// IAM take few.
type earlierLetters struct {
	dead   DeadLetters
	slack  time.Duration // by which clocks may differ
	member string        // Config.ForeignIDMember
	turn   chan struct{} // room for one, who may touch what follows

	from, to time.Time // of the letters that are known
	known    map[try]earlierLetter
}

// try is one way of an event through the processor: the first, or that of a replay.
type try struct {
	event.Identity
	hops int // of the dead letter that it may end in
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
	// Further back than asked, for what was taken over with it and began a little earlier.
	err := b.read(ctx, from.Add(-b.slack))
	letter, found = b.known[of]
	if found {
		err = nil // whatever is missing behind it
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
		e, _ := Decode(&r, b.member) // with an error, too, it has the identity
		of := try{e.Identity(), letter.Hops}
		if _, twice := b.known[of]; !twice {
			b.known[of] = earlierLetter{r.Place, letter.Attempts, letter.Error}
		}
	}
	b.from, b.to = from, to
	return nil
}

// blindAfter × MaxAttempts is how often work on a record begins before a dead letter is stored without a look. Brokers
// that are away come back in fewer deliveries; what is left is a right that is missing, or too much to read.
const blindAfter = 4

// earlierLetter returns the dead letter that a process stored which did not live to remember it, or did not hear that
// it was stored. An error asks for another delivery. After many of these the letter is said not to be there, and so is
// stored anew: twice is better than never. An event that nobody else began has none, and is not looked for.
func (j *job) earlierLetter(ctx context.Context) (earlierLetter, bool, error) {
	if !j.inherited {
		return earlierLetter{}, false, nil
	}
	last := j.attempts() >= blindAfter*j.cfg.MaxAttempts
	if end, ok := ctx.Deadline(); ok {
		budget := time.Until(end) * 3 / 4 // the rest is for a letter that is not there, over a connection that is by then
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
