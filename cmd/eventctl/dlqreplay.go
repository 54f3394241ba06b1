package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/replay"
	"event-processing-service/internal/settings"
	"event-processing-service/processor"
)

type dlqReplay struct {
	filter    letterFilter
	output    outputFlag
	group     string
	toTopic   string
	most      int
	maxHops   int
	rate      float64
	dryRun    bool
	fromStart bool
	confirmation
}

func dlqReplayCommand() *cobra.Command {
	var o dlqReplay
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Bring dead letters back to their topic",
		Long: `Bring dead letters back to $KAFKA_TOPIC, the topic that they came from: key, value and headers as they first
were, and a count of the times that they failed, by which the processor knows that this is a new try. Letters of other
topics are refused; --to-topic publishes all letters that the filters choose, wherever they came from, to the topic
that it names. The letters are shown first, and published once you say yes, on a terminal, or by --yes in a script.

A run begins at the position of the run before and ends where the topic ended when it began. The position is kept in a
consumer group; it moves past a letter once that letter, and all before it in its partition, were published or
refused. So a run that was killed is simply run again. It may publish up to 100 letters a second time; the processor
drops those.

Filters skip letters, and the position stays before the first one skipped, so that a later run finds it. That later
run publishes what lies behind it again, too, which the processor drops likewise. --offset and --from-start look
behind the position, and leave it where it is.

A letter that has failed more than --max-hops times is refused: it is named, stays in the dead letter topic, and the
run goes on. So is one that the processor did not write, or that the topic does not take. Bring one back on purpose
with --partition, --offset and a higher --max-hops.`,
		Example: `  eventctl dlq replay --dry-run
  eventctl dlq replay --type order.created --error 'connection refused' --rate 50 --yes
  eventctl dlq replay --partition 0 --offset 42 --max-hops 10`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.filter.addTo(cmd)
	o.output.addTo(cmd)
	f := cmd.Flags()
	f.StringVar(&o.group, "group", replayGroup, "consumer group that holds the position")
	f.StringVar(&o.toTopic, "to-topic", "",
		"topic for all letters, wherever they came from (default: $KAFKA_TOPIC, for those from it)")
	f.IntVar(&o.most, "max", 0, "stop after this many letters; 0: replay all")
	f.IntVar(&o.maxHops, "max-hops", 3, "refuse letters that failed more often than this")
	f.Float64Var(&o.rate, "rate", 0, "letters a second; 0: as fast as it goes")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be replayed, and do nothing")
	o.addTo(cmd)
	f.BoolVar(&o.fromStart, "from-start", false, "begin at the start of the topic instead of the position")
	return cmd
}

func (o *dlqReplay) run(cmd *cobra.Command) (err error) {
	if err := o.filter.validate(cmd.Flags()); err != nil {
		return err
	}
	ctx, group := cmd.Context(), o.group
	if o.fromStart || o.filter.offset >= 0 {
		group = ""
	}
	topic, err := openDeadLetters(ctx, &o.filter, group)
	if err != nil {
		return err
	}
	defer topic.client.Close()
	if o.target(topic.env) == topic.env.DeadLetterTopic {
		return fmt.Errorf("%w: dead letters are not replayed into their own topic, %s", errUsage, topic.env.DeadLetterTopic)
	}
	target := kafka.NewRecordTopic(topic.cfg, kafka.ProducerConfig{}, o.target(topic.env))
	defer target.Close()

	r := republisher{Loop: replay.Loop{
		Prepare: func(record *event.Record) replay.Decision { return o.decide(ctx, record, topic) },
		Publish: target.PublishAll,
		Most:    o.most, Rate: o.rate,
	}, total: topic.spans.Len(), out: cmd.ErrOrStderr()}
	if group != "" {
		r.Commit = func(ctx context.Context, positions map[int32]int64) error {
			ctx, cancel := context.WithTimeout(ctx, adminTimeout)
			defer cancel()
			return kafka.SetPositions(ctx, topic.client, group, topic.env.DeadLetterTopic, positions)
		}
	}
	if o.dryRun {
		return o.rehearse(ctx, cmd, r, topic)
	}
	if !o.yes {
		if err := o.preview(ctx, cmd, r, topic); err != nil {
			return err
		}
	}
	err = r.run(ctx, topic.read(ctx))
	r.conclude()
	if o.output.kind == "json" {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(r.Account); err != nil {
			return err
		}
	}
	return err
}

// rehearse prints the letters that would be published.
func (o *dlqReplay) rehearse(ctx context.Context, cmd *cobra.Command, r republisher, topic *deadLetters) error {
	if err := o.show(ctx, &r, topic, o.output.lines(cmd.OutOrStdout()), math.MaxInt); err != nil {
		return err
	}
	_, err := fmt.Fprintf(cmd.ErrOrStderr(),
		"dry run: %d would be replayed to topic %s, %d skipped by the filters, %d refused; "+
			"nothing was done\n", r.Account.Replayed, o.target(topic.env), r.Account.Skipped, r.Account.Refused)
	return err
}

// shown is how many letters are printed before the question whether to publish all.
const shown = 10

// preview prints the first letters that are to be published, and how many there are, and asks.
func (o *dlqReplay) preview(ctx context.Context, cmd *cobra.Command, r republisher, topic *deadLetters) error {
	if !isTerminal(cmd.InOrStdin()) {
		return o.ask(cmd, "") // which refuses
	}
	table := outputFlag{kind: "table"}
	if err := o.show(ctx, &r, topic, table.lines(cmd.ErrOrStderr()), shown); err != nil {
		return err
	}
	if n := r.Account.Replayed - shown; n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "and %d more\n", n)
	}
	if r.Account.Replayed == 0 {
		return nil
	}
	return o.ask(cmd, fmt.Sprintf("Publish %d letters to topic %s?", r.Account.Replayed, o.target(topic.env)))
}

// show runs r without publishing anything, and prints the first letters that it would have published.
func (o *dlqReplay) show(ctx context.Context, r *republisher, topic *deadLetters, printer letterPrinter,
	most int) error {
	prepare, broken := r.Prepare, error(nil)
	r.Prepare = func(record *event.Record) replay.Decision {
		d := prepare(record)
		if d.Verdict != replay.Publish {
			return d
		}
		if most--; most >= 0 && broken == nil {
			l := newLetter(*record, topic.env.ForeignIDMember)
			broken = printer.print(&l)
		}
		return d
	}
	r.Publish = func(_ context.Context, records []event.Record) []error { return make([]error, len(records)) }
	r.Commit, r.Rate = nil, 0
	return errors.Join(r.run(ctx, topic.read(ctx)), broken, printer.close())
}

// target is the topic that letters are brought back to. A letter's own word is not enough for that: whoever may write
// to the topic of the events can put such headers into a record before it fails, and so choose the topic.
func (o *dlqReplay) target(env settings.Processor) string { return cmp.Or(o.toTopic, env.Topic()) }

func (o *dlqReplay) decide(ctx context.Context, record *event.Record, letters *deadLetters) replay.Decision {
	topic := letters.env.Topic()
	l := newLetter(*record, letters.env.ForeignIDMember)
	if !o.filter.match(&l) {
		return replay.Decision{Verdict: replay.Skip}
	}
	again, ok := processor.Replay(record)
	switch {
	case l.says.Omitted != "":
		return replay.Decision{Verdict: replay.Refuse,
			Why: fmt.Sprintf("its %s was too large for the dead letter topic, and lies at %s",
				l.says.Omitted, l.says.Origin.Place)}
	case !ok:
		return replay.Decision{Verdict: replay.Refuse, Why: "the processor did not write it, so nobody knows its topic"}
	case l.says.Processor != letters.env.Name:
		return replay.Decision{Verdict: replay.Refuse, Why: fmt.Sprintf("it is a letter of processor %q, not of %q",
			clip(l.says.Processor, 40), letters.env.Name)}
	case o.toTopic == "" && again.Topic != topic:
		return replay.Decision{Verdict: replay.Refuse, Why: fmt.Sprintf("it came from topic %q and not from %s; "+
			"--to-topic says where it is to go", clip(again.Topic, 249), topic)}
	case l.says.Hops > o.maxHops:
		return replay.Decision{Verdict: replay.Refuse, Why: fmt.Sprintf("it has failed %d times, more than --max-hops %d: %s",
			l.says.Hops, o.maxHops, clip(l.says.Error, 200))}
	}
	if o.target(letters.env) == topic && letters.outcome != nil {
		if why := wouldBeDropped(ctx, &l, letters.outcome); why != "" {
			return replay.Decision{Verdict: replay.Refuse, Why: why}
		}
	}
	return replay.Decision{Verdict: replay.Publish, Again: again}
}

// wouldBeDropped says why the processor would take the replay of a letter for a copy, "" if it would not: it must not
// be counted as replayed then.
func wouldBeDropped(ctx context.Context, l *letter,
	outcome func(context.Context, event.Identity) (event.Outcome, bool, error)) string {
	o, known, err := outcome(ctx, l.identity)
	switch {
	case err != nil || !known: // without a look it may still be dropped, which harms nothing
		return ""
	case o.Status == event.StatusProcessed:
		return "it has been processed since"
	case o.Hops >= l.says.Hops:
		return fmt.Sprintf("the processor would drop it: it knows of a later try, which has failed %d times", o.Hops+1)
	}
	return ""
}
