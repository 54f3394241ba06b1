package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/wiring"
	"event-processing-service/processor"
)

type topicReplay struct {
	from, to       timeFlag
	topic, toTopic string
	most           int
	rate           float64
	dryRun         bool
}

func replayCommand() *cobra.Command {
	var o topicReplay
	cmd := &cobra.Command{
		Use:   "replay --from TIME",
		Short: "Publish a range of a topic again, by time",
		Long: `Publish the records of a topic from --from on, before --to, again: key, value and headers as they are, at the end of
--to-topic, which by default is the same topic.

An event is known by its source and id, not by where it lies. So, into the same topic, only events take effect that have
not yet, because they were lost to the processor's memory or never reached it; all others are dropped as done. To let events
take effect once more, replay into another topic and read that with a processor that has a memory (EVENTS_TABLE) of its own.

A record without source and id is known by its place; it carries that along in the headers dlq-original-*, and so stays
the same event. A run that was killed can be run again.`,
		Example: `  eventctl replay --from 2026-01-31T10:00:00Z --to 2026-01-31T11:30:00Z --dry-run
  eventctl replay --from 3h --to 1h --to-topic events.recovery --rate 200`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.Var(&o.from, "from", "the first record's time (RFC 3339), or how long ago that was (such as 3h)")
	f.Var(&o.to, "to", "records of this time and later are left out (default: now)")
	f.StringVar(&o.topic, "topic", "", "topic to read (default: $KAFKA_TOPIC)")
	f.StringVar(&o.toTopic, "to-topic", "", "topic to publish to (default: the same)")
	f.IntVar(&o.most, "max", 0, "end after so many records; 0: replay all")
	f.Float64Var(&o.rate, "rate", 0, "records a second; 0: as fast as it goes")
	f.BoolVar(&o.dryRun, "dry-run", false, "count, and do nothing")
	_ = cmd.MarkFlagRequired("from") // fails only for a flag that is not there
	return cmd
}

func (o *topicReplay) run(cmd *cobra.Command) error {
	env, err := environment()
	if err != nil {
		return err
	}
	if o.topic == "" {
		o.topic = env.Kafka.Topic
	}
	if o.toTopic == "" {
		o.toTopic = o.topic
	}
	ctx := cmd.Context()
	cfg, err := wiring.KafkaConfig(ctx, env.Kafka, "eventctl")
	if err != nil {
		return err
	}
	spans, err := o.spans(ctx, cfg)
	if err != nil {
		return err
	}
	publisher := kafka.NewRecordPublisher(cfg, kafka.ProducerConfig{})
	defer publisher.Close()
	r := republisher{
		prepare: o.decide, publish: publisher.PublishAll,
		most: o.most, rate: o.rate, total: spans.Len(), out: cmd.ErrOrStderr(),
	}
	if o.dryRun {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "dry run: up to %d records of %s would be published to %s; nothing was done\n", spans.Len(), o.topic, o.toTopic)
		return err
	}
	err = r.run(ctx, kafka.Read(ctx, cfg, o.topic, spans))
	r.conclude()
	return err
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
func (o *topicReplay) decide(r *event.Record) decision {
	if r.Timestamp.Before(o.from.at) || !o.to.at.IsZero() && !r.Timestamp.Before(o.to.at) {
		return decision{verdict: verdictLeave}
	}
	again := processor.Copy(r)
	again.Topic = o.toTopic
	return decision{verdict: verdictPublish, again: again}
}
