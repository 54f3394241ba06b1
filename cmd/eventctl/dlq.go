package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/wiring"
)

// replayGroup is the consumer group whose offsets say which dead letters were replayed.
const replayGroup = "eventctl-dlq-replay"

func dlqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Look at dead letters and bring them back",
		Long: `Look at dead letters and bring them back.

A dead letter is a record that the processor could not bring to its end: the record as it came, and headers that say where
it lay, why it failed, when, and how often. The topic is KAFKA_DLQ_TOPIC.`,
	}
	cmd.AddCommand(dlqListCommand(), dlqShowCommand(), dlqReplayCommand())
	return cmd
}

func dlqListCommand() *cobra.Command {
	var filter letterFilter
	var output outputFlag
	var most int
	var pending bool
	var group string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, a line each",
		Long: `List the dead letters that are in the topic now, a line each: those of one partition in their order.

Letters stay in the topic when they are replayed. With --pending, those before the position of the last replay are left out.`,
		Example: `  eventctl dlq list --since 2h --type 'order.*'
  eventctl dlq list --pending --output json | jq -r .error | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := filter.validate(cmd.Flags()); err != nil {
				return err
			}
			if !pending {
				group = ""
			}
			printer := output.lines(cmd.OutOrStdout())
			return printLetters(cmd, &filter, group, most, printer)
		},
	}
	filter.addTo(cmd)
	output.addTo(cmd)
	cmd.Flags().IntVar(&most, "max", 0, "end after so many letters; 0: list all")
	cmd.Flags().BoolVar(&pending, "pending", false, "only letters behind the position of the last replay")
	cmd.Flags().StringVar(&group, "group", replayGroup, "consumer group that holds the position of replays")
	return cmd
}

func dlqShowCommand() *cobra.Command {
	var filter letterFilter
	var output outputFlag
	var most int
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show all of dead letters: key, headers, value",
		Example: "  eventctl dlq show --partition 0 --offset 42",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := filter.validate(cmd.Flags()); err != nil {
				return err
			}
			return printLetters(cmd, &filter, "", most, output.documents(cmd.OutOrStdout()))
		},
	}
	filter.addTo(cmd)
	output.addTo(cmd)
	cmd.Flags().IntVar(&most, "max", 10, "end after so many letters; 0: show all")
	return cmd
}

// deadLetters is the dead letter topic, opened.
type deadLetters struct {
	env    settings.Processor
	cfg    kafka.Config
	client *kgo.Client
	spans  kafka.Spans // what the filter can choose of the topic as it was when it was opened
}

// openDeadLetters finds the bounds of what is to be read. With a group, it begins at that group's position.
func openDeadLetters(ctx context.Context, filter *letterFilter, group string) (*deadLetters, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	d := &deadLetters{env: env}
	if d.cfg, err = wiring.KafkaConfig(ctx, env.Kafka, "eventctl"); err != nil {
		return nil, err
	}
	if d.client, err = wiring.KafkaClient(ctx, env.Kafka); err != nil {
		return nil, err
	}
	if err := d.findSpans(ctx, filter, group); err != nil {
		d.client.Close()
		return nil, err
	}
	return d, nil
}

func (d *deadLetters) findSpans(ctx context.Context, filter *letterFilter, group string) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	spans, err := kafka.Bounds(ctx, d.client, d.env.DeadLetterTopic, time.Time{}, time.Time{})
	if err != nil {
		return err
	}
	if group != "" {
		positions, err := kafka.Positions(ctx, d.client, group, d.env.DeadLetterTopic)
		if err != nil {
			return err
		}
		for p, at := range positions {
			span := spans[p]
			if at > span.End {
				continue // of a topic that was deleted and made anew
			}
			span.First = max(span.First, at)
			spans[p] = span
		}
	}
	d.spans = filter.narrow(spans)
	if filter.partition >= 0 && d.spans == nil {
		return fmt.Errorf("%w: topic %s has no partition %d", errUsage, d.env.DeadLetterTopic, filter.partition)
	}
	return nil
}

func (d *deadLetters) read(ctx context.Context) iter.Seq2[event.Record, error] {
	return kafka.Read(ctx, d.cfg, d.env.DeadLetterTopic, d.spans)
}

// printLetters prints what the filter chooses, most letters at most.
func printLetters(cmd *cobra.Command, filter *letterFilter, group string, most int, printer letterPrinter) error {
	topic, err := openDeadLetters(cmd.Context(), filter, group)
	if err != nil {
		return err
	}
	defer topic.client.Close()
	count := 0
	for r, err := range topic.read(cmd.Context()) {
		if err != nil {
			return err
		}
		l := newLetter(r)
		if !filter.match(&l) {
			continue
		}
		if most > 0 && count == most {
			fmt.Fprintf(cmd.ErrOrStderr(), "there are more; --max %d ends here\n", most)
			break
		}
		if err := printer.print(&l); err != nil {
			return err
		}
		count++
	}
	if err := printer.close(); err != nil {
		return err
	}
	if count == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "no such dead letter in %s\n", topic.env.DeadLetterTopic)
	}
	return nil
}
