package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/replay"
)

// repair is the replay that is under way. There is one at a time: two people who replay the same letters would only
// make copies of each other's.
type repair struct {
	console *Console
	mu      sync.Mutex
	now     *replayStatus
	stop    context.CancelFunc
}

// replayStatus is how far a replay has come.
type replayStatus struct {
	Running  bool      `json:"running"`
	Total    int       `json:"total"`
	Replayed int       `json:"replayed"`
	Refused  int       `json:"refused"`
	Why      []string  `json:"why,omitempty"` // of the refused, the first few
	Problem  string    `json:"problem,omitempty"`
	Began    time.Time `json:"began"`
}

// order is what a person asks for.
type order struct {
	choice
	Rate    float64 `json:"rate"`     // letters a second; 0: as fast as it goes
	MaxHops int     `json:"max_hops"` // letters that failed more often stay
}

const (
	defaultMaxHops = 3
	maxWhys        = 5
)

func (o *order) check() error {
	if o.Rate < 0 || o.Rate > 10_000 {
		return errors.New("the rate must be 0, as fast as it goes, to 10000 letters a second")
	}
	if o.MaxHops == 0 {
		o.MaxHops = defaultMaxHops
	}
	return nil
}

func (o *order) refuses(l *Letter) string {
	switch {
	case l.Origin.Topic == "":
		return "the processor did not write it, so nobody knows its topic"
	case l.Omitted != "":
		return "it lacks a part of its record, which was too large: " + clip(l.Omitted, maxName)
	case l.Hops > o.MaxHops:
		return fmt.Sprintf("it has failed %d times, which is more than %d", l.Hops, o.MaxHops)
	}
	return ""
}

// plan chooses the open letters of an order.
func (c *Console) plan(ctx context.Context, o *order) (letters []Letter, refused []string, cut bool, err error) {
	bytes := 0
	err = c.eachLetter(ctx, &o.choice, func(l *Letter, stands string) bool {
		if stands != standsOpen {
			return true
		}
		if why := o.refuses(l); why != "" {
			refused = append(refused, fmt.Sprintf("%d/%d: %s", l.Record.Partition, l.Record.Offset, why))
			return true
		}
		if bytes += len(l.Record.Value); bytes > maxPlanBytes {
			cut = true
			return false
		}
		letters = append(letters, *l)
		return true
	}, &cut)
	return letters, refused, cut, err
}

// maxPlanBytes bounds the letters that one replay holds; what is left is still open, and the next replay takes it.
const maxPlanBytes = 32 << 20

// rehearse says what a replay would do, and does nothing.
func (c *Console) rehearse(w http.ResponseWriter, r *http.Request) {
	var o order
	letters, refused, cut, ok := c.planFor(w, r, &o)
	if !ok {
		return
	}
	lines := []letterLine{}
	for i := range letters[:min(len(letters), 20)] {
		lines = append(lines, newLetterLine(&letters[i], standsOpen))
	}
	answer(w, map[string]any{
		"would_replay": len(letters), "refused": len(refused), "why": refused[:min(len(refused), maxWhys)],
		"cut": cut, "letters": lines,
	})
}

func (c *Console) planFor(w http.ResponseWriter, r *http.Request, o *order) (
	letters []Letter, refused []string, cut, ok bool,
) {
	if c.parts.Letters == nil {
		fail(w, http.StatusNotImplemented, "this console does not see the dead letter topic")
		return nil, nil, false, false
	}
	if !read(w, r, o) {
		return nil, nil, false, false
	}
	if err := o.check(); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return nil, nil, false, false
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	letters, refused, cut, err := c.plan(ctx, o)
	if err != nil {
		fail(w, http.StatusBadGateway, err.Error())
		return nil, nil, false, false
	}
	return letters, refused, cut, true
}

// replay begins to replay what the order chooses. It goes on when the page is closed, until it is done or stopped: what
// a person began is not left half done because a tab was closed.
func (c *Console) replay(w http.ResponseWriter, r *http.Request) []slog.Attr {
	var o order
	letters, refused, _, ok := c.planFor(w, r, &o)
	if !ok {
		return nil
	}
	status := replayStatus{
		Running: true, Total: len(letters), Refused: len(refused), Why: refused[:min(len(refused), maxWhys)],
		Began: time.Now(),
	}
	ctx, ok := c.repair.begin(context.WithoutCancel(r.Context()), status)
	if !ok {
		fail(w, http.StatusConflict, "a replay is under way; stop it, or wait until it is done")
		return nil
	}
	go c.repair.run(ctx, letters, o.Rate)
	answer(w, status)
	return []slog.Attr{slog.Int("letters", len(letters)), slog.Float64("rate", o.Rate), slog.Any("choice", o.choice)}
}

func (p *repair) begin(ctx context.Context, status replayStatus) (context.Context, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil && p.now.Running {
		return nil, false
	}
	p.now = &status
	ctx, p.stop = context.WithCancel(ctx)
	return ctx, true
}

func (p *repair) run(ctx context.Context, letters []Letter, rate float64) {
	next := 0 // of the letters, which are settled in their order
	loop := replay.Loop{
		Rate: rate, Publish: p.console.parts.Letters.Replay,
		Prepare: func(r *event.Record) replay.Decision { return replay.Decision{Again: *r} },
		// One that can't be stored does not keep the others back: they are still open, and the page says so.
		IsFinal: func(error) bool { return true },
		Settled: func(d replay.Decision) {
			p.settle(&letters[next], d)
			next++
		},
	}
	err := loop.Run(ctx, func(yield func(event.Record, error) bool) {
		for i := range letters {
			if !yield(letters[i].Record, nil) {
				return
			}
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Running = false
	switch {
	case ctx.Err() != nil:
		p.now.Problem = "stopped"
	case err != nil:
		p.now.Problem = clip(err.Error(), maxError)
	}
	p.stop()
}

func (p *repair) settle(l *Letter, d replay.Decision) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.Verdict == replay.Refuse {
		if p.now.Refused++; len(p.now.Why) < maxWhys {
			p.now.Why = append(p.now.Why, fmt.Sprintf("%d/%d: %s", d.Partition, d.Offset, clip(d.Why, maxError)))
		}
		return
	}
	p.now.Replayed++
	p.console.parts.Journal.Add(Step{
		State: Replayed, Type: l.Event.Type, ID: l.Identity.ID, Source: l.Identity.Source,
		Key: string(l.Record.Key), Place: PlaceOf(l.Origin),
	})
}

// stop ends a replay after what it is storing at the moment.
func (c *Console) stop(w http.ResponseWriter, _ *http.Request) []slog.Attr {
	p := c.repair
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || !p.now.Running {
		fail(w, http.StatusConflict, "no replay is under way")
		return nil
	}
	p.stop()
	answer(w, p.now)
	return []slog.Attr{slog.Int("replayed", p.now.Replayed)}
}

// status is a copy; nil where nothing was replayed yet.
func (p *repair) status() *replayStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return nil
	}
	now := *p.now
	return &now
}
