package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"event-processing-service/archive"
	"event-processing-service/cmd/internal/archiving"
	"event-processing-service/internal/event"
	"event-processing-service/processor"
)

type audit struct {
	apiClient
	output   outputFlag
	from, to timeFlag
	identity identity
}

func auditCommand() *cobra.Command {
	var o audit
	cmd := &cobra.Command{
		Use:   "audit ID",
		Short: "Show one event's life, from the archive and from what became of it",
		Long: `Show one event's life as a timeline: each time that Kafka got it, each dead letter with its error, each replay,
and what became of it in each processor. Records come from the archive (ARCHIVE_URL), which has them a minute after
Kafka, and for years; all topics of events and of dead letters are read. Outcomes come from the store, where STORE is
dynamodb, or else from the API (--url), for as long as they are remembered.

All of the archive is read unless --from and --to say when the event was.`,
		Example: `  eventctl audit order-1
  eventctl audit order-1 --source /orders --from 2026-01-31 --to 2026-02-02 --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.identity.ID = args[0]
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.identity.Source, "source", "/event-processing-service/api",
		"the event's source (default: the API's, for events that came without)")
	f.Lookup("source").DefValue = ""
	f.Var(&o.from, "from", "only records since this time (RFC 3339), or this long ago (such as 3h)")
	f.Var(&o.to, "to", "only records before this time, or this long ago")
	o.output.addTo(cmd)
	o.addTo(f)
	return cmd
}

// auditStep is one line of an event's life.
type auditStep struct {
	At        time.Time  `json:"at"`
	State     string     `json:"state"`
	Place     *placeLine `json:"place,omitempty"`     // absent: of an outcome
	Processor string     `json:"processor,omitempty"` // of a dead letter, a replay or an outcome. absent: the first
	Attempts  int        `json:"attempts,omitempty"`
	Replays   int        `json:"replays,omitempty"` // how often it had been replayed by then
	Error     string     `json:"error,omitempty"`
}

// auditReport is an event's life, in the order of time.
type auditReport struct {
	ID     string      `json:"id"`
	Source string      `json:"source"`
	Type   string      `json:"type,omitempty"`
	Steps  []auditStep `json:"steps"`
}

// stateCopy is an event that Kafka has once more, as its client sent it again, or as a range was replayed.
const stateCopy = "copy"

func (o *audit) run(cmd *cobra.Command) error {
	p, place, err := openArchive(cmd.Context(), cmd)
	if err != nil {
		return err
	}
	report := auditReport{ID: o.identity.ID, Source: o.identity.Source}
	events := p.env.EventTopics()
	for _, topic := range archiving.Topics(p.Assembly, p.env) {
		contents, err := archive.List(cmd.Context(), place, archive.Range{Topic: topic, From: o.from.at, To: o.to.at})
		if err != nil {
			return err
		}
		for r, err := range contents.Records(cmd.Context()) {
			if err != nil {
				return err
			}
			report.add(&r, !slices.Contains(events, topic), p.env.ForeignIDMember)
		}
	}
	if err := o.addOutcomes(cmd, p, &report); err != nil {
		return err
	}
	if len(report.Steps) == 0 {
		return fmt.Errorf("neither the archive nor the processor knows the event %q of source %q; the archive has what came "+
			"more than a minute ago", report.ID, report.Source)
	}
	report.sort()
	if o.output.kind == "json" {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(report)
	}
	return report.print(cmd.OutOrStdout())
}

// add takes a record that is of the event.
func (a *auditReport) add(r *event.Record, isLetter bool, member string) {
	e, err := processor.Decode(r, member)
	if e.ID != a.ID || e.Source != a.Source {
		return
	}
	if err == nil {
		a.Type = e.Type
	}
	step := auditStep{At: r.Timestamp, State: stateAccepted, Place: &placeLine{r.Topic, r.Partition, r.Offset, nil}}
	says, failed := processor.ReadDeadLetter(r)
	switch {
	case isLetter && failed:
		step.State, step.Attempts, step.Error, step.Replays = stateDeadLettered, says.Attempts, says.Error, says.Hops-1
		step.At, step.Processor = cmp.Or(says.FailedAt, r.Timestamp), says.Processor
	case failed:
		step.State, step.Replays, step.Processor = stateReplayed, says.Hops, says.Processor
	case slices.ContainsFunc(a.Steps, func(s auditStep) bool { return s.State == stateAccepted }):
		step.State = stateCopy
	}
	a.Steps = append(a.Steps, step)
}

// addOutcomes asks what became of the event in each processor.
func (o *audit) addOutcomes(cmd *cobra.Command, p *program, report *auditReport) error {
	outcomeIn := func(ctx context.Context, name string, id event.Identity) (event.Outcome, bool, error) {
		client := o.apiClient
		client.processor = name
		return client.askOutcome(ctx, id)
	}
	if p.env.Store.Kind == "dynamodb" {
		table, err := p.Table(p.env.Store)
		if err != nil {
			return err
		}
		outcomeIn = func(ctx context.Context, name string, id event.Identity) (event.Outcome, bool, error) {
			return table.Of(name).Outcome(ctx, id)
		}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), adminTimeout)
	defer cancel()
	for _, name := range slices.Backward(p.Sets.Names()) { // the first last: see addOutcome
		outcome, known, err := outcomeIn(ctx, name, event.Identity{Source: o.identity.Source, ID: o.identity.ID})
		switch {
		case err != nil: // after years there may be no store and no API to ask
			fmt.Fprintln(cmd.ErrOrStderr(), err)
		case known:
			report.addOutcome(name, &outcome)
		}
	}
	return nil
}

// addOutcome leaves out what another step says already: a dead letter says all that its outcome does, and the API
// answers with another processor's outcome where the first does not read the event's topic.
func (a *auditReport) addOutcome(processor string, o *event.Outcome) {
	isTold := slices.ContainsFunc(a.Steps, func(s auditStep) bool {
		isOthers := processor == "" && s.Place == nil && s.At.Equal(o.At) && s.State == string(o.Status)
		return isOthers || o.Status == event.StatusDeadLettered && s.State == stateDeadLettered && s.Processor == processor
	})
	if !isTold {
		a.Steps = append(a.Steps, auditStep{
			At: o.At, State: string(o.Status), Processor: processor, Attempts: o.Attempts, Error: o.Reason, Replays: o.Hops,
		})
	}
}

// sort brings the steps into the order of time; those of one time stay in the order of their kinds.
func (a *auditReport) sort() {
	slices.SortStableFunc(a.Steps, func(x, y auditStep) int { return x.At.Compare(y.At) })
}

func (a *auditReport) print(out io.Writer) error {
	fmt.Fprintf(out, "%s of %s, type %s\n", a.ID, a.Source, orDash(a.Type))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tSTATE\tPLACE\tPROCESSOR\tATTEMPTS\tREPLAYS\tERROR")
	for _, s := range a.Steps {
		place := "-"
		if s.Place != nil {
			place = event.Place{Topic: s.Place.Topic, Partition: s.Place.Partition, Offset: s.Place.Offset}.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", s.At.UTC().Format("2006-01-02T15:04:05.000Z"), s.State, place,
			orDash(s.Processor), s.Attempts, s.Replays, clip(s.Error, 100))
	}
	return w.Flush()
}
