package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/settings"
	"event-processing-service/internal/wiring"
)

func statusCommand() *cobra.Command {
	var quiet bool
	var group string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how far the processor is behind; fail if nothing reads the topic",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, env settings.Processor) error {
				out := cmd.OutOrStdout()
				if quiet {
					out = io.Discard
				}
				return status(ctx, kadm.NewClient(client), group, env.Kafka.Topic, out)
			})
		},
	}
	cmd.Flags().StringVar(&group, "group", wiring.ConsumerGroup, "the processor's consumer group; of a stack, its output consumerGroup")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "print nothing; the exit status says it")
	return cmd
}

func status(ctx context.Context, admin *kadm.Client, group, topic string, out io.Writer) error {
	lags, err := admin.Lag(ctx, group)
	if err != nil {
		return fmt.Errorf("ask for the lag of %s: %w", group, err)
	}
	lag := lags[group]
	if err := lag.Error(); err != nil {
		return fmt.Errorf("ask for the lag of %s: %w", group, err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "group %s: %s, %d behind\n", group, lag.State, lag.Lag.Total())
	fmt.Fprintln(w, "TOPIC\tPARTITION\tCOMMITTED\tEND\tBEHIND")
	readers := 0
	for _, l := range lag.Lag.Sorted() {
		if l.Topic != topic {
			continue
		}
		if l.Member != nil {
			readers++
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", l.Topic, l.Partition, max(l.Commit.At, 0), l.End.Offset, l.Lag)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if readers == 0 {
		return fmt.Errorf("nothing reads topic %s as group %s", topic, group)
	}
	return nil
}
