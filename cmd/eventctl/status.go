package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/kafka"
)

func statusCommand() *cobra.Command {
	var quiet bool
	var group string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how far the processor is behind; fail if nothing reads the topic",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, p *program) error {
				out := cmd.OutOrStdout()
				if quiet {
					out = io.Discard
				}
				cfg, err := p.KafkaConfig(p.env.Kafka, clientID)
				if err != nil {
					return err
				}
				return status(ctx, client, cfg, assembly.GroupOf(group, p.env.Name), p.env.Topic(), out)
			})
		},
	}
	cmd.Flags().StringVar(&group, "group", assembly.ConsumerGroup,
		"the first processor's consumer group; of a stack, its output consumerGroup")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "print nothing; the exit status says it")
	return cmd
}

// status prints the group's position in the topic. What else the group reads is not counted.
func status(ctx context.Context, client *kgo.Client, cfg kafka.Config, group, topic string, out io.Writer) error {
	admin := kadm.NewClient(client)
	lags, err := admin.Lag(ctx, group)
	if err != nil {
		return fmt.Errorf("ask for the lag of %s: %w", group, err)
	}
	lag := lags[group]
	if err := lag.Error(); err != nil {
		return fmt.Errorf("ask for the lag of %s: %w", group, err)
	}
	// The end that readers see: it lies before a transaction that is not decided.
	spans, err := kafka.Bounds(ctx, client, topic, time.Time{}, time.Time{})
	if err != nil {
		return err
	}
	readers, total, lines := 0, int64(0), ""
	for _, l := range lag.Lag.Sorted() {
		span, ok := spans[l.Partition]
		if l.Topic != topic || !ok {
			continue
		}
		if l.Member != nil {
			readers++
		}
		span.First = max(span.First, l.Commit.At)
		behind, err := countBehind(ctx, cfg, topic, l.Partition, span)
		if err != nil {
			return err
		}
		total += behind
		lines += fmt.Sprintf("%s\t%d\t%d\t%d\t%d\n", l.Topic, l.Partition, max(l.Commit.At, 0), span.End, behind)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "group %s: %s, %d behind\nTOPIC\tPARTITION\tCOMMITTED\tEND\tBEHIND\n%s", group, lag.State, total, lines)
	if err := w.Flush(); err != nil {
		return err
	}
	if readers == 0 {
		return fmt.Errorf("nothing reads topic %s as group %s", topic, group)
	}
	return nil
}

// counted is up to how many offsets a lag is counted by its records. The markers that end transactions have offsets,
// too, so a group that is done may look some behind; of a larger lag they are a small part.
const counted = 100

func countBehind(ctx context.Context, cfg kafka.Config, topic string, partition int32, span kafka.Span) (int64, error) {
	offsets := span.End - span.First
	if offsets <= 0 || offsets > counted {
		return max(0, offsets), nil
	}
	records := int64(0)
	for _, err := range kafka.Read(ctx, cfg, topic, kafka.Spans{partition: span}) {
		if err != nil {
			return 0, err
		}
		records++
	}
	return records, nil
}
