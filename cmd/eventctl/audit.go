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
and the outcome. Records come from the archive (ARCHIVE_URL), which has them a minute after Kafka, and for years; the
outcome from the store, where STORE is dynamodb, or else from the API (--url), for as long as it is remembered.

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
	At       time.Time  `json:"at"`
	State    string     `json:"state"`
	Place    *placeLine `json:"place,omitempty"` // absent: of an outcome
	Attempts int        `json:"attempts,omitempty"`
	Replays  int        `json:"replays,omitempty"` // how often it had been replayed by then
	Error    string     `json:"error,omitempty"`
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
	for _, topic := range []string{p.env.Topic(), p.env.DeadLetterTopic} {
		contents, err := archive.List(cmd.Context(), place, archive.Range{Topic: topic, From: o.from.at, To: o.to.at})
		if err != nil {
			return err
		}
		for r, err := range contents.Records(cmd.Context()) {
			if err != nil {
				return err
			}
			report.add(&r, topic == p.env.DeadLetterTopic, p.env.ForeignIDMember)
		}
	}
	if err := o.addOutcome(cmd, p, &report); err != nil {
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
		step.At = cmp.Or(says.FailedAt, r.Timestamp)
	case failed:
		step.State, step.Replays = stateReplayed, says.Hops
	case slices.ContainsFunc(a.Steps, func(s auditStep) bool { return s.State == stateAccepted }):
		step.State = stateCopy
	}
	a.Steps = append(a.Steps, step)
}

// addOutcome asks what became of the event. An outcome of a dead letter says nothing that the letter does not.
func (o *audit) addOutcome(cmd *cobra.Command, p *program, report *auditReport) error {
	o.processor = p.env.Name
	ask := o.askOutcome
	if p.env.Store.Kind == "dynamodb" {
		table, err := p.Table(p.env.Store)
		if err != nil {
			return err
		}
		ask = table.Of(p.env.Name).Outcome
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), adminTimeout)
	defer cancel()
	outcome, known, err := ask(ctx, event.Identity{Source: o.identity.Source, ID: o.identity.ID})
	hasLetter := slices.ContainsFunc(report.Steps, func(s auditStep) bool { return s.State == stateDeadLettered })
	switch {
	case err != nil: // years later nobody may be there to ask
		fmt.Fprintln(cmd.ErrOrStderr(), err)
	case known && (outcome.Status != event.StatusDeadLettered || !hasLetter):
		report.Steps = append(report.Steps, auditStep{
			At: outcome.At, State: string(outcome.Status), Attempts: outcome.Attempts, Error: outcome.Reason,
			Replays: outcome.Hops,
		})
	}
	return nil
}

// sort brings the steps into the order of time; those of one time stay in the order of their kinds.
func (a *auditReport) sort() {
	slices.SortStableFunc(a.Steps, func(x, y auditStep) int { return x.At.Compare(y.At) })
}

func (a *auditReport) print(out io.Writer) error {
	fmt.Fprintf(out, "%s of %s, type %s\n", a.ID, a.Source, orDash(a.Type))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tSTATE\tPLACE\tATTEMPTS\tREPLAYS\tERROR")
	for _, s := range a.Steps {
		place := "-"
		if s.Place != nil {
			place = event.Place{Topic: s.Place.Topic, Partition: s.Place.Partition, Offset: s.Place.Offset}.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", s.At.UTC().Format("2006-01-02T15:04:05.000Z"), s.State, place, s.Attempts,
			s.Replays, clip(s.Error, 100))
	}
	return w.Flush()
}
