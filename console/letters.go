package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"event-processing-service/internal/event"
)

// Letter is a record of the dead letter topic with what can be read of it.
type Letter struct {
	Record   event.Record
	Event    event.Event // zero: the record is not an event
	Identity event.Identity
	Error    string
	Attempts int
	Hops     int
	FailedAt time.Time
	Origin   event.Place // zero: the processor did not write it
	Omitted  string      // what it lacks of its record, as that was too large; "": nothing
}

// What a look at the letters costs at most. What lies behind is for eventctl, and the page says so.
const (
	maxLetters     = 20_000 // that are looked at
	maxLetterLines = 200    // that are listed
	maxGroups      = 100
)

// choice chooses letters. Empty texts choose all.
type choice struct {
	Type      string `json:"type"` // order.* takes all below
	Error     string `json:"error"`
	Reason    string `json:"reason"` // a group's
	Key       string `json:"key"`
	Partition *int32 `json:"partition,omitempty"`
	Offset    *int64 `json:"offset,omitempty"`
}

func (c *choice) takes(l *Letter) bool {
	prefix, isPrefix := strings.CutSuffix(c.Type, "*")
	switch {
	case c.Partition != nil && *c.Partition != l.Record.Partition, c.Offset != nil && *c.Offset != l.Record.Offset,
		c.Type != "" && !isPrefix && l.Event.Type != c.Type, isPrefix && !strings.HasPrefix(l.Event.Type, prefix),
		!strings.Contains(l.Error, c.Error), c.Reason != "" && reasonOf(l.Error) != c.Reason,
		c.Key != "" && string(l.Record.Key) != c.Key:
		return false
	}
	return true
}

// reasonOf is what errors of one cause have in common: the error with each number and quoted text taken out.
func reasonOf(err string) string {
	var b strings.Builder
	digits, quote := false, rune(0)
	for _, r := range clip(err, 300) {
		isDigit := r >= '0' && r <= '9'
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
				b.WriteString("…")
				b.WriteRune(r)
			}
		case isDigit:
			if !digits {
				b.WriteRune('#')
			}
		case r == '"':
			quote = r
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
		digits = isDigit
	}
	return b.String()
}

type group struct {
	Reason string    `json:"reason"`
	Open   int       `json:"open"`
	Types  []string  `json:"types"`
	Newest time.Time `json:"newest"`
}

type letterLine struct {
	Place    Place     `json:"place"`
	Origin   *Place    `json:"origin,omitempty"`
	Type     string    `json:"type"`
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Key      string    `json:"key"`
	Error    string    `json:"error"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	Hops     int       `json:"hops"`
	FailedAt time.Time `json:"failed_at"`
	Stands   string    `json:"stands"` // open, or what became of it since
}

type lettersDocument struct {
	Groups  []*group     `json:"groups"`
	Letters []letterLine `json:"letters"` // the newest
	Open    int          `json:"open"`
	Closed  int          `json:"closed"`
	Cut     bool         `json:"cut"` // there are more than were looked at
}

// letters groups the dead letters that are still open by their reasons.
func (c *Console) letters(w http.ResponseWriter, r *http.Request) {
	if c.parts.Letters == nil {
		fail(w, http.StatusNotImplemented, "this console does not see the dead letter topic")
		return
	}
	q := r.URL.Query()
	chosen := choice{Type: q.Get("type"), Error: q.Get("error"), Reason: q.Get("reason"), Key: q.Get("key")}
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	d := lettersDocument{Groups: []*group{}, Letters: []letterLine{}}
	groups := map[string]*group{}
	err := c.eachLetter(ctx, &chosen, func(l *Letter, stands string) bool {
		line := newLetterLine(l, stands)
		if d.Letters = append(d.Letters, line); len(d.Letters) >= 2*maxLetterLines {
			d.Letters = newest(d.Letters)
		}
		if stands != standsOpen {
			d.Closed++
			return true
		}
		d.Open++
		g := groups[line.Reason]
		if g == nil {
			if len(groups) == maxGroups {
				line.Reason = "other reasons"
				g = groups[line.Reason]
			}
			if g == nil {
				g = &group{Reason: line.Reason}
				groups[line.Reason] = g
				d.Groups = append(d.Groups, g)
			}
		}
		g.add(&line)
		return true
	}, &d.Cut)
	if err != nil {
		fail(w, http.StatusBadGateway, err.Error())
		return
	}
	d.Letters = newest(d.Letters)
	slices.SortStableFunc(d.Groups, func(a, b *group) int { return b.Open - a.Open })
	answer(w, d)
}

func (g *group) add(l *letterLine) {
	g.Open++
	if l.FailedAt.After(g.Newest) {
		g.Newest = l.FailedAt
	}
	if len(g.Types) < 5 && !slices.Contains(g.Types, l.Type) {
		g.Types = append(g.Types, l.Type)
	}
}

// newest leaves the newest letters, those first.
func newest(lines []letterLine) []letterLine {
	slices.SortStableFunc(lines, func(a, b letterLine) int { return b.FailedAt.Compare(a.FailedAt) })
	return lines[:min(len(lines), maxLetterLines)]
}

func newLetterLine(l *Letter, stands string) letterLine {
	line := letterLine{
		Place: *PlaceOf(l.Record.Place), Type: clip(l.Event.Type, maxName), ID: clip(l.Identity.ID, maxName),
		Source: clip(l.Identity.Source, maxName), Key: clip(string(l.Record.Key), maxName), Error: clip(l.Error, maxError),
		Reason: reasonOf(l.Error), Attempts: l.Attempts, Hops: l.Hops, FailedAt: l.FailedAt, Stands: stands,
	}
	if l.Origin.Topic != "" {
		line.Origin = PlaceOf(l.Origin)
	}
	return line
}

// What became of a letter since it was written.
const (
	standsOpen       = "open"
	standsProcessed  = "replayed, processed"
	standsSuperseded = "replayed, dead-lettered again"
)

// eachLetter hands over the letters that are chosen and how they stand, until each says false. cut tells that there are
// more than a look may cost, in letters or in time.
func (c *Console) eachLetter(ctx context.Context, chosen *choice, each func(*Letter, string) bool, cut *bool) error {
	letters, more, err := c.parts.Letters.Newest(ctx, maxLetters)
	if err != nil {
		return err
	}
	*cut = more
	waiting := make([]Letter, 0, askedAtOnce)
	hand := func() (goOn bool, err error) {
		stands, err := c.standAll(ctx, waiting)
		if err != nil {
			return false, err
		}
		for i := range waiting {
			if !each(&waiting[i], stands[i]) {
				return false, nil
			}
		}
		waiting = waiting[:0]
		return true, nil
	}
	err = func() error {
		for l, err := range letters {
			if err != nil {
				return err
			}
			if !chosen.takes(&l) {
				continue
			}
			if waiting = append(waiting, l); len(waiting) == askedAtOnce {
				if goOn, err := hand(); !goOn {
					return err
				}
			}
		}
		_, err := hand()
		return err
	}()
	if errors.Is(err, context.DeadlineExceeded) { // what was seen until then is worth showing
		*cut = true
		return nil
	}
	return err
}

// askedAtOnce is how many letters' outcomes are asked for side by side.
const askedAtOnce = 32

func (c *Console) standAll(ctx context.Context, letters []Letter) ([]string, error) {
	stands, problems := make([]string, len(letters)), make([]error, len(letters))
	var asked sync.WaitGroup
	for i := range letters {
		asked.Go(func() { stands[i], problems[i] = c.stands(ctx, &letters[i]) })
	}
	asked.Wait()
	return stands, errors.Join(problems...)
}

// stands asks the store. Where it knows nothing the letter is open: a replay too many is dropped by the processor.
func (c *Console) stands(ctx context.Context, l *Letter) (string, error) {
	if c.parts.Outcomes == nil {
		return standsOpen, nil
	}
	o, known, err := c.parts.Outcomes.Outcome(ctx, l.Identity)
	switch {
	case err != nil:
		return "", err
	case !known:
		return standsOpen, nil
	case o.Status == event.StatusProcessed:
		return standsProcessed, nil
	case o.Letter.Topic != "" && o.Letter != l.Record.Place && o.Hops >= l.Hops:
		return standsSuperseded, nil
	}
	return standsOpen, nil
}
