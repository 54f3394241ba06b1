package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
)

// replayGroup is the consumer group whose offsets say which dead letters were replayed.
const replayGroup = "eventctl-dlq-replay"

func dlqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Look at dead letters and bring them back",
		Long: `Look at dead letters and bring them back.

A dead letter is a record that the processor could not process: the record as it came, and headers that say where it
lay, why it failed, when, and how often. The topic is KAFKA_DLQ_TOPIC.`,
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

Letters stay in the topic when they are replayed. With --pending, those before the position of the last replay are
skipped.`,
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
			n, err := printLetters(cmd, &filter, group, most, false, printer)
			if n == 0 && err == nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "there is no such dead letter")
			}
			return err
		},
	}
	filter.addTo(cmd)
	output.addTo(cmd)
	cmd.Flags().IntVar(&most, "max", 0, "stop after this many letters; 0: list all")
	cmd.Flags().BoolVar(&pending, "pending", false, "only letters behind the position of the last replay")
	cmd.Flags().StringVar(&group, "group", replayGroup, "consumer group that holds the position of replays")
	return cmd
}

func dlqShowCommand() *cobra.Command {
	var filter letterFilter
	var output outputFlag
	var most int
	var decrypt bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show all of dead letters: key, headers, value",
		Example: "  eventctl dlq show --partition 0 --offset 42",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := filter.validate(cmd.Flags()); err != nil {
				return err
			}
			n, err := printLetters(cmd, &filter, "", most, decrypt, output.documents(cmd.OutOrStdout()))
			if n == 0 && err == nil {
				return errors.New("there is no such dead letter")
			}
			return err
		},
	}
	filter.addTo(cmd)
	output.addTo(cmd)
	cmd.Flags().IntVar(&most, "max", 10, "stop after this many letters; 0: show all")
	cmd.Flags().BoolVar(&decrypt, "decrypt", false, "decrypt data with the keys of SUBJECT_KEYS")
	return cmd
}

// deadLetters is the dead letter topic, opened.
type deadLetters struct {
	env    settings.Processor
	parts  *assembly.Assembly
	cfg    kafka.Config
	client *kgo.Client
	// nil: the processor's memory can't be asked
	outcome func(context.Context, event.Identity) (event.Outcome, bool, error)
	// what the filter can choose of the topic as it was when it was opened
	spans kafka.Spans
}

// openDeadLetters finds the bounds of what is to be read. With a group, it begins at that group's position.
func openDeadLetters(ctx context.Context, filter *letterFilter, group string) (*deadLetters, error) {
	p, err := newProgram(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	d := &deadLetters{env: p.env, parts: p.Assembly}
	if d.cfg, err = p.KafkaConfig(p.env.Kafka, clientID); err != nil {
		return nil, err
	}
	if d.client, err = p.KafkaClient(p.env.Kafka, clientID); err != nil {
		return nil, err
	}
	if p.env.Store.Kind == "dynamodb" {
		table, err := p.Table(p.env.Store)
		if err != nil {
			return nil, err
		}
		d.outcome = table.Of(p.env.Name).Outcome
	}
	if err := d.findSpans(ctx, filter, group); err != nil {
		d.client.Close()
		if _, unknown := p.Sets.Find(p.env.Name); unknown != nil { // a mistyped name is why there is no such topic
			err = fmt.Errorf("%w; %w", err, unknown)
		}
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
				continue // of a topic that was deleted and created again
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

// printLetters prints what the filter chooses, most letters at most, and tells how many they were.
func printLetters(cmd *cobra.Command, filter *letterFilter, group string, most int, decrypt bool, printer letterPrinter,
) (count int, err error) {
	topic, err := openDeadLetters(cmd.Context(), filter, group)
	if err != nil {
		return count, err
	}
	defer topic.client.Close()
	var keys decrypter
	if decrypt {
		if keys, err = newDecrypter(topic.parts, topic.env.Keys, cmd.ErrOrStderr()); err != nil {
			return 0, err
		}
	}
	for r, err := range topic.read(cmd.Context()) {
		if err != nil {
			return count, err
		}
		l := newLetter(r, topic.env.ForeignIDMember)
		if !filter.match(&l) {
			continue
		}
		if most > 0 && count == most {
			fmt.Fprintf(cmd.ErrOrStderr(), "there are more; --max %d ends here\n", most)
			break
		}
		if err := keys.open(cmd.Context(), &l.record); err != nil {
			return count, err
		}
		if err := printer.print(&l); err != nil {
			return count, err
		}
		count++
	}
	return count, printer.close()
}
