package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// The states that tail tells of. The last two are also those of an outcome.
const (
	stateAccepted     = "accepted"
	stateReplayed     = "replayed"
	stateProcessed    = string(event.StatusProcessed)
	stateDeadLettered = string(event.StatusDeadLettered)
)

var states = []string{stateAccepted, stateReplayed, stateProcessed, stateDeadLettered}

type tail struct {
	apiClient
	output    outputFlag
	eventType string
	key       string
	states    []string
	since     timeFlag
	most      int

	keyed   bool   // --key was given, if only as ""
	member  string // FOREIGN_ID_MEMBER
	outcome func(context.Context, event.Identity) (event.Outcome, bool, error)
	asks    chan stateLine // events whose outcome is wanted
	complain

	mu      sync.Mutex
	out     io.Writer
	printed int
	end     context.CancelFunc
}

func tailCommand() *cobra.Command {
	var t tail
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show events as they come, and what becomes of them",
		Long: `Show events as they come, and what becomes of them, a line for each state: accepted (Kafka has it), replayed
(it is back from the dead letter topic), processed, dead-lettered (with the last error).

It reads $KAFKA_TOPIC and $KAFKA_DLQ_TOPIC as no member of any consumer group. What was processed it asks the store,
where STORE is dynamodb, or else the API (--url). At most 1,000 events are asked about at a time; of those beyond,
"processed" is not told.`,
		Example: `  eventctl tail --type 'order.*'
  eventctl tail --since 10m --state dead-lettered --output json | jq -r .error`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.run(cmd) },
	}
	f := cmd.Flags()
	t.addTo(f)
	t.output.addTo(cmd)
	f.StringVar(&t.eventType, "type", "", "only events of this type; order.* takes all that begin so")
	f.StringVar(&t.key, "key", "", "only events with this key")
	f.StringSliceVar(&t.states, "state", nil, "only these states: "+strings.Join(states, ", ")+" (default: all)")
	f.Var(&t.since, "since", "begin at this time (RFC 3339) or this long ago (such as 10m), not now")
	f.IntVar(&t.most, "max", 0, "stop after this many lines; 0: go on until Ctrl-C")
	return cmd
}

// stateLine is a line of `tail --output json`.
type stateLine struct {
	At       time.Time `json:"at"`
	State    string    `json:"state"`
	Type     string    `json:"type,omitempty"` // absent: the record is not an event
	ID       string    `json:"id,omitempty"`
	Source   string    `json:"source,omitempty"`
	Key      *text     `json:"key"`
	Place    placeLine `json:"place"`
	Attempts int       `json:"attempts,omitempty"`
	Error    string    `json:"error,omitempty"`
}

func (t *tail) run(cmd *cobra.Command) error {
	t.keyed = cmd.Flags().Changed("key")
	for _, s := range t.states {
		if !slices.Contains(states, s) {
			return fmt.Errorf("%w: --state %q is not one of %s", errUsage, s, strings.Join(states, ", "))
		}
	}
	p, err := newProgram(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	cfg, err := p.KafkaConfig(p.env.Kafka, clientID)
	if err != nil {
		return err
	}
	topics := []string{p.env.Topic(), p.env.DeadLetterTopic}
	// Following a topic that does not exist would say nothing for ever.
	if err := withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, _ *program) error {
		for _, topic := range topics {
			if _, err := kafka.Bounds(ctx, client, topic, time.Time{}, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	t.outcome, t.member, t.processor = t.askOutcome, p.env.ForeignIDMember, p.env.Name
	if p.env.Store.Kind == "dynamodb" {
		table, err := p.Table(p.env.Store)
		if err != nil {
			return err
		}
		t.outcome = table.Of(p.env.Name).Outcome
	}
	ctx, end := context.WithCancel(cmd.Context())
	defer end()
	t.out, t.end, t.complain, t.asks = cmd.OutOrStdout(), end, complain{out: cmd.ErrOrStderr()},
		make(chan stateLine, asked)
	var following sync.WaitGroup
	if t.wants(stateProcessed) {
		following.Go(func() { t.followOutcomes(ctx) })
	}
	for r, err := range kafka.Follow(ctx, cfg, t.since.at, topics...) {
		if err != nil {
			t.about(err)
			continue
		}
		if err := t.record(&r, r.Topic == p.env.DeadLetterTopic); err != nil {
			return err
		}
	}
	following.Wait()
	return nil
}

func (t *tail) wants(state string) bool {
	return len(t.states) == 0 || slices.Contains(t.states, state)
}

// record tells what a record of one of the topics says.
func (t *tail) record(r *event.Record, dead bool) error {
	l := newLetter(*r, t.member) // what it reads holds for a replayed record, too
	if !matchType(t.eventType, l.event.Type) || t.keyed && (r.Key == nil || string(r.Key) != t.key) {
		return nil
	}
	line := stateLine{
		At: r.Timestamp.UTC(), State: stateAccepted, Key: textOf(r.Key),
		Type: l.event.Type, ID: l.event.ID, Source: l.event.Source,
		Place: placeLine{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset},
	}
	switch {
	case dead:
		line.State, line.Attempts, line.Error = stateDeadLettered, l.says.Attempts, l.says.Error
	case l.ours:
		line.State = stateReplayed
	}
	if !dead && line.ID != "" {
		select {
		case t.asks <- line:
		default: // there are too many
		}
	}
	return t.print(line)
}

func (t *tail) print(line stateLine) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.wants(line.State) || t.most > 0 && t.printed >= t.most {
		return nil
	}
	if t.printed++; t.printed == t.most {
		defer t.end()
	}
	if t.output.kind == "json" {
		return json.NewEncoder(t.out).Encode(line)
	}
	parts := []string{
		line.At.Local().Format("15:04:05.000"), fmt.Sprintf("%-13s", line.State), orDash(clip(line.Type, 40)),
		"id " + orDash(clip(line.ID, 60)),
		fmt.Sprintf("%s/%d@%d", line.Place.Topic, line.Place.Partition, line.Place.Offset),
	}
	if line.Key != nil {
		parts = append(parts, "key "+clip(readable(*line.Key), 40))
	}
	if line.Attempts > 1 {
		parts = append(parts, fmt.Sprintf("after %d attempts", line.Attempts))
	}
	if line.Error != "" {
		parts = append(parts, clip(line.Error, 200))
	}
	_, err := fmt.Fprintln(t.out, strings.Join(parts, "  "))
	return err
}

// asked is how many events are asked about at a time.
const asked = 1000

// What an outcome is waited for: first after a moment, then less and less often, until an event is as good as lost.
const (
	firstAsk   = 100 * time.Millisecond
	slowestAsk = 5 * time.Second
	lastAsk    = 10 * time.Minute
)

type ask struct {
	line  stateLine
	due   time.Time
	delay time.Duration
	until time.Time
}

// followOutcomes asks for the outcomes of events, one after the other, and tells of those that were processed.
func (t *tail) followOutcomes(ctx context.Context) {
	var waiting []ask // by the time that they are due
	for ctx.Err() == nil {
		in, next := t.asks, time.Hour
		if len(waiting) == asked {
			in = nil
		}
		if len(waiting) > 0 {
			next = time.Until(waiting[0].due)
		}
		select {
		case <-ctx.Done():
		case line := <-in:
			now := time.Now()
			waiting = insert(waiting, ask{line, now.Add(firstAsk), firstAsk, now.Add(lastAsk)})
		case <-time.After(next):
			a := waiting[0]
			waiting = waiting[1:]
			if !t.decided(ctx, a.line) && time.Now().Before(a.until) {
				a.delay = min(2*a.delay, slowestAsk)
				a.due = time.Now().Add(a.delay)
				waiting = insert(waiting, a)
			}
		}
	}
}

func insert(waiting []ask, a ask) []ask {
	i, _ := slices.BinarySearchFunc(waiting, a, func(x, y ask) int { return x.due.Compare(y.due) })
	return slices.Insert(waiting, i, a)
}

// decided asks for an outcome, and reports whether there will be no other.
func (t *tail) decided(ctx context.Context, line stateLine) bool {
	o, known, err := t.outcome(ctx, event.Identity{Source: line.Source, ID: line.ID})
	if err != nil {
		if ctx.Err() == nil {
			t.about(err)
		}
		return false
	}
	if known && o.Status == event.StatusProcessed {
		line.At, line.State, line.Attempts = o.At.UTC(), stateProcessed, o.Attempts
		if err := t.print(line); err != nil {
			t.end()
		}
	}
	return known && (o.Status == event.StatusProcessed || line.State == stateAccepted)
}

// complain tells people what went wrong, the same at most every few seconds.
type complain struct {
	mu   sync.Mutex
	out  io.Writer
	what string
	when time.Time
}

func (c *complain) about(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err.Error() == c.what && time.Since(c.when) < 10*time.Second {
		return
	}
	c.what, c.when = err.Error(), time.Now()
	fmt.Fprintln(c.out, err)
}
