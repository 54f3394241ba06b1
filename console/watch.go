package console

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"
)

// watch looks at the pipeline once for all pages, and only while there is one.
type watch struct {
	console *Console
	mu      sync.Mutex
	pages   int
	stop    context.CancelFunc
	now     pipeline
	history []rates
	looks   int
}

// firstWaiting is the record at a group's position. It is read once, however long the group stays there.
type firstWaiting struct {
	offset int64
	stored time.Time
}

// pipeline is how much is where.
type pipeline struct {
	At         time.Time   `json:"at"`
	Partitions []Partition `json:"partitions"`
	Accepted   int64       `json:"accepted"` // records that the topic ever had
	Waiting    int64       `json:"waiting"`  // records that the group is not done with
	InWork     int         `json:"in_work"`  // handlers at work
	Done       int64       `json:"done"`     // records that the group is done with
	Dead       int64       `json:"dead"`     // letters in the dead letter topic
	OldestMS   int64       `json:"oldest_ms,omitempty"`
	Problem    string      `json:"problem,omitempty"`

	dead    int64 // end of the dead letter topic
	counted bool
}

// rates are per second.
type rates struct {
	Accepted float64 `json:"accepted"`
	Done     float64 `json:"done"`
	Dead     float64 `json:"dead"`
}

// historyLength is two minutes of seconds.
const historyLength = 120

// oldestEvery is how many looks share one read of the oldest record.
const oldestEvery = 3

// soon is the seconds after which a record has waited for long.
const soon = 3

// maxPages bounds what pages that nobody closes cost.
const maxPages = 16

func newWatch(c *Console) *watch { return &watch{console: c} }

// join begins the look at the pipeline for the first page; leave ends it with the last.
func (w *watch) join() (leave func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pages == maxPages {
		return nil, false
	}
	if w.pages++; w.pages == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		w.stop, w.now, w.history = cancel, pipeline{}, nil
		go w.run(ctx)
		if follow := w.console.parts.Follow; follow != nil {
			go w.follow(ctx, follow)
		}
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.pages--; w.pages == 0 {
			w.stop()
		}
	}, true
}

func (w *watch) follow(ctx context.Context, follow func(context.Context) error) {
	for ctx.Err() == nil {
		if err := follow(ctx); err != nil && ctx.Err() == nil {
			w.console.log.Warn("console: can't follow the topics", "error", err)
		}
		pause(ctx, time.Second)
	}
}

func (w *watch) run(ctx context.Context) {
	known := map[int32]firstWaiting{}
	for ctx.Err() == nil {
		w.look(ctx, known)
		pause(ctx, time.Second)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// look asks the brokers how far everything is.
func (w *watch) look(ctx context.Context, known map[int32]firstWaiting) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	next := pipeline{At: time.Now(), InWork: w.console.parts.Journal.inWork()}
	c := w.console
	events, err := c.parts.Records.Partitions(ctx, c.cfg.Events)
	if err != nil {
		w.fail(err)
		return
	}
	letters, err := c.parts.Records.Partitions(ctx, c.cfg.DeadLetters)
	if err != nil {
		w.fail(err)
		return
	}
	next.Partitions, next.counted = events, true
	for _, p := range events {
		next.Accepted += p.End
		next.Waiting += p.Waiting()
		next.Done += p.End - p.Waiting()
	}
	for _, p := range letters {
		next.dead += p.End
		next.Dead += p.End - p.First
	}
	if before, _ := w.state(); next.Waiting > 0 && before.Waiting > 0 { // a moment's wait is not worth a read
		if next.OldestMS = before.OldestMS; w.looks%oldestEvery == 0 {
			next.OldestMS = w.oldest(ctx, known, before.Partitions, events, next.At)
		}
	}
	w.looks++
	w.mu.Lock()
	defer w.mu.Unlock()
	if seconds := next.At.Sub(w.now.At).Seconds(); w.now.counted && seconds > 0 {
		per := func(now, before int64) float64 { return float64(max(0, now-before)) / seconds }
		w.history = append(w.history, rates{
			per(next.Accepted, w.now.Accepted), per(next.Done, w.now.Done), per(next.dead, w.now.dead),
		})
		w.history = w.history[max(0, len(w.history)-historyLength):]
	}
	w.now = next
}

func (w *watch) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.At, w.now.Problem = time.Now(), clip(err.Error(), maxError)
}

// oldest is how long the oldest record has waited: that at the group's position in the partition where it is oldest.
//
// A partition of which the group will have done all within seconds is passed over: to read there costs more than it
// tells.
func (w *watch) oldest(ctx context.Context, known map[int32]firstWaiting, before, partitions []Partition,
	now time.Time) (oldest int64) {
	found, unknown := map[int32]firstWaiting{}, map[int32]int64{}
	for i, p := range partitions {
		if i < len(before) && p.Waiting() <= soon*(p.Committed-before[i].Committed) {
			continue
		}
		at := max(p.Committed, p.First)
		if first, ok := known[p.Partition]; ok && first.offset == at {
			found[p.Partition] = first
		} else {
			unknown[p.Partition] = at
		}
	}
	for r, err := range w.console.parts.Records.At(ctx, w.console.cfg.Events, unknown) {
		if err == nil && !r.Timestamp.IsZero() {
			found[r.Partition] = firstWaiting{r.Offset, r.Timestamp}
		}
	}
	clear(known)
	maps.Copy(known, found)
	for _, f := range found {
		oldest = max(oldest, now.Sub(f.stored).Milliseconds())
	}
	return oldest
}

func (w *watch) state() (pipeline, []rates) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now, w.history
}

// told is what a page is told at one tick.
type told struct {
	Steps []Step `json:"steps"`
	Of    int    `json:"of"` // how many there were
}

type toldPipeline struct {
	pipeline
	Rates  []rates       `json:"rates"`
	Replay *replayStatus `json:"replay,omitempty"`
}

const (
	tick         = 200 * time.Millisecond
	streamTicks  = 5 // a look at the pipeline each second
	firstSteps   = 300
	maxLooked    = 20_000 // of one tick, that are sampled from
	writeTimeout = 5 * time.Second
)

// stream tells a page what happens until it goes: server-sent events "steps" and "pipeline".
func (c *Console) stream(w http.ResponseWriter, r *http.Request) {
	leave, ok := c.watch.join()
	if !ok {
		fail(w, http.StatusServiceUnavailable, fmt.Sprintf("%d pages are open already; close one", maxPages))
		return
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tell := func(name string, what any) bool {
		data, err := json.Marshal(what)
		if err != nil {
			c.log.Error("console: encode for the page", "error", err)
			return false
		}
		_ = out.SetWriteDeadline(time.Now().Add(writeTimeout)) // a page that sleeps must not hold anything up
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	first, _, seq := c.parts.Journal.since(0, firstSteps)
	if !tell("steps", told{first, len(first)}) {
		return
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var sampler sampler
	for n := 0; ; n++ {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
		steps, of, next := c.parts.Journal.since(seq, maxLooked)
		if seq = next; of > 0 && !tell("steps", told{sampler.choose(steps), of}) {
			return
		}
		if n%streamTicks == 0 {
			now, history := c.watch.state()
			if isKnown := now.counted || now.Problem != ""; isKnown &&
				!tell("pipeline", toldPipeline{now, history, c.repair.status()}) {
				return
			}
		}
	}
}
