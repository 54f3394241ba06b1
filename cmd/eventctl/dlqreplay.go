package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/processor"
)

type dlqReplay struct {
	filter    letterFilter
	output    outputFlag
	group     string
	most      int
	maxHops   int
	rate      float64
	dryRun    bool
	fromStart bool
}

func dlqReplayCommand() *cobra.Command {
	var o dlqReplay
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Bring dead letters back to their topic",
		Long: `Bring dead letters back to the topic that they came from: key, value and headers as they first were, and a count of the
times that they failed, by which the processor knows that this is a new try.

A run begins at the position of the run before and ends where the topic ended when it began. The position is kept in a
consumer group; it moves past a letter once that letter, and all before it in its partition, were published or refused. So a
run that was killed is simply run again. It may publish up to 100 letters a second time; the processor drops those.

Filters leave letters out, and the position stays before the first one left out, so that a later run finds it. That later
run publishes what lies behind it again, too, which the processor drops likewise. --offset and --from-start look behind the
position, and leave it where it is.

A letter that has failed more than --max-hops times is refused: it is named, stays in the dead letter topic, and the run goes
on. So is one that the processor did not write, or that has become too large for its topic. Bring one back on purpose with
--partition, --offset and a higher --max-hops.`,
		Example: `  eventctl dlq replay --dry-run
  eventctl dlq replay --type order.created --error 'connection refused' --rate 50
  eventctl dlq replay --partition 0 --offset 42 --max-hops 10`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.filter.addTo(cmd)
	o.output.addTo(cmd)
	f := cmd.Flags()
	f.StringVar(&o.group, "group", replayGroup, "consumer group that holds the position")
	f.IntVar(&o.most, "max", 0, "end after so many letters; 0: replay all")
	f.IntVar(&o.maxHops, "max-hops", 3, "refuse letters that failed more often than this")
	f.Float64Var(&o.rate, "rate", 0, "letters a second; 0: as fast as it goes")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be replayed, and do nothing")
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
	publisher := kafka.NewRecordPublisher(topic.cfg, kafka.ProducerConfig{})
	defer publisher.Close()

	r := republisher{
		prepare: func(record *event.Record) decision { return o.decide(record, topic.env.DeadLetterTopic) },
		publish: publisher.PublishAll,
		most:    o.most, rate: o.rate, total: topic.spans.Len(), out: cmd.ErrOrStderr(),
	}
	if group != "" {
		r.commit = func(ctx context.Context, positions map[int32]int64) error {
			ctx, cancel := context.WithTimeout(ctx, adminTimeout)
			defer cancel()
			return kafka.SetPositions(ctx, topic.client, group, topic.env.DeadLetterTopic, positions)
		}
	}
	if o.dryRun {
		return o.rehearse(ctx, cmd, &r, topic)
	}
	err = r.run(ctx, topic.read(ctx))
	r.conclude()
	if o.output.kind == "json" {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(r.account); err != nil {
			return err
		}
	}
	return err
}

// rehearse prints the letters that would be published.
func (o *dlqReplay) rehearse(ctx context.Context, cmd *cobra.Command, r *republisher, topic *deadLetters) error {
	printer := o.output.lines(cmd.OutOrStdout())
	prepare := r.prepare
	var broken error
	r.prepare = func(record *event.Record) decision {
		d := prepare(record)
		if d.verdict == verdictPublish {
			l := newLetter(*record)
			if err := printer.print(&l); err != nil {
				broken = err
			}
		}
		return d
	}
	r.publish = func(_ context.Context, records []event.Record) []error { return make([]error, len(records)) }
	r.commit, r.rate = nil, 0
	if err := r.run(ctx, topic.read(ctx)); err != nil {
		return err
	}
	if broken != nil {
		return broken
	}
	if err := printer.close(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(cmd.ErrOrStderr(), "dry run: %d would be replayed, %d are left out by the filters, %d left alone; nothing was done\n",
		r.account.Replayed, r.account.LeftOut, r.account.Refused)
	return err
}

func (o *dlqReplay) decide(record *event.Record, deadLetterTopic string) decision {
	l := newLetter(*record)
	if !o.filter.match(&l) {
		return decision{verdict: verdictLeave}
	}
	again, ok := processor.Replay(record)
	switch {
	case !ok:
		return decision{verdict: verdictRefuse, why: "the processor did not write it, so nobody knows its topic"}
	case again.Topic == deadLetterTopic:
		return decision{verdict: verdictRefuse, why: "it would come back to the dead letter topic"}
	case l.says.Hops > o.maxHops:
		return decision{verdict: verdictRefuse, why: fmt.Sprintf("it has failed %d times, more than --max-hops %d: %s",
			l.says.Hops, o.maxHops, clip(l.says.Error, 200))}
	}
	return decision{verdict: verdictPublish, again: again}
}
