package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/replay"
	"event-processing-service/processor"
)

type topicReplay struct {
	from, to       timeFlag
	topic, toTopic string
	processor      string // for whom the copies are
	most           int
	rate           float64
	dryRun         bool
	confirmation
}

func replayCommand() *cobra.Command {
	var o topicReplay
	cmd := &cobra.Command{
		Use:   "replay --from TIME",
		Short: "Publish a range of a topic again, by time",
		Long: `Publish the records of a topic from --from on, before --to, again: key, value and headers as they are, at the
end of --to-topic, which by default is the same topic. What is to be published is said first, and into the topic that
the processor reads ($KAFKA_TOPIC) nothing is published before you say yes, on a terminal, or by --yes in a script.

An event is known by its source and id, not by where it lies. So, into the same topic, only events take effect that
have not yet, because they were lost to the processor's memory or never reached it; all others are dropped as done. To
let events take effect once more, replay into another topic and read that with a processor that has a memory
(EVENTS_TABLE) of its own.

All processors of the topic read the copies; with --processor only the one that is named does.

A record without source and id is known by its place; it carries that along in the headers dlq-original-*, and so
stays the same event. A run that was killed can be run again.`,
		Example: `  eventctl replay --from 2026-01-31T10:00:00Z --to 2026-01-31T11:30:00Z --dry-run
  eventctl replay --from 3h --to 1h --to-topic events.recovery --rate 200`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.Var(&o.from, "from", "the first record's time (RFC 3339), or how long ago that was (such as 3h)")
	f.Var(&o.to, "to", "records of this time and later are skipped (default: now)")
	f.StringVar(&o.topic, "topic", "", "topic to read (default: $KAFKA_TOPIC)")
	f.StringVar(&o.toTopic, "to-topic", "", "topic to publish to (default: the same)")
	f.IntVar(&o.most, "max", 0, "stop after this many records; 0: replay all")
	f.Float64Var(&o.rate, "rate", 0, "records a second; 0: as fast as it goes")
	f.BoolVar(&o.dryRun, "dry-run", false, "count, and do nothing")
	o.addTo(cmd)
	_ = cmd.MarkFlagRequired("from") // fails only for a flag that is not there
	return cmd
}

func (o *topicReplay) run(cmd *cobra.Command) error {
	p, err := newProgram(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	o.processor = cmp.Or(p.env.Name, processor.Everybody)
	if o.topic == "" {
		o.topic = p.env.Topic()
	}
	if o.toTopic == "" {
		o.toTopic = o.topic
	}
	ctx := cmd.Context()
	cfg, err := p.KafkaConfig(p.env.Kafka, clientID)
	if err != nil {
		return err
	}
	spans, err := o.spans(ctx, cfg)
	if err != nil {
		return err
	}
	target := kafka.NewRecordTopic(cfg, kafka.ProducerConfig{}, o.toTopic)
	defer target.Close()
	r := republisher{Loop: replay.Loop{
		Prepare: o.decide, Publish: target.PublishAll,
		Most: o.most, Rate: o.rate,
	}, total: spans.Len(), out: cmd.ErrOrStderr()}
	what := fmt.Sprintf("up to %d records of topic %s, from %s to %s, %%s published to topic %s%s", spans.Len(), o.topic,
		o.from.at.UTC().Format(time.RFC3339), o.until(), o.toTopic, o.limit())
	if o.dryRun {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "dry run: "+what+"; nothing was done\n", "would be")
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), what+"\n", "are to be")
	if o.toTopic == p.env.Topic() { // which the processor reads
		if err := o.ask(cmd, "Publish them to the topic that the processor reads?"); err != nil {
			return err
		}
	}
	err = r.run(ctx, kafka.Read(ctx, cfg, o.topic, spans))
	r.conclude()
	return err
}

func (o *topicReplay) until() string {
	if o.to.at.IsZero() {
		return "now"
	}
	return o.to.at.UTC().Format(time.RFC3339)
}

// limit words --max and --rate.
func (o *topicReplay) limit() (words string) {
	if o.most > 0 {
		words += fmt.Sprintf(", at most %d", o.most)
	}
	if o.rate > 0 {
		words += fmt.Sprintf(", %g a second", o.rate)
	}
	return words
}

func (o *topicReplay) spans(ctx context.Context, cfg kafka.Config) (kafka.Spans, error) {
	opts, err := kafka.Options(cfg)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("make Kafka client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	return kafka.Bounds(ctx, client, o.topic, o.from.at, o.to.at)
}

// decide copies what is in the range of time: where producers' clocks differ, Kafka's bounds hold some that are not.
func (o *topicReplay) decide(r *event.Record) replay.Decision {
	if r.Timestamp.Before(o.from.at) || !o.to.at.IsZero() && !r.Timestamp.Before(o.to.at) {
		return replay.Decision{Verdict: replay.Skip}
	}
	return replay.Decision{Verdict: replay.Publish, Again: processor.Copy(r, o.processor)}
}
