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
				return status(ctx, kadm.NewClient(client), env.Kafka.Topic, out)
			})
		},
	}
	cmd.Flags().BoolVar(&quiet, "quiet", false, "print nothing; the exit status says it")
	return cmd
}

func status(ctx context.Context, admin *kadm.Client, topic string, out io.Writer) error {
	lags, err := admin.Lag(ctx, wiring.ConsumerGroup)
	if err != nil {
		return fmt.Errorf("ask for the lag of %s: %w", wiring.ConsumerGroup, err)
	}
	lag := lags[wiring.ConsumerGroup]
	if err := lag.Error(); err != nil {
		return fmt.Errorf("ask for the lag of %s: %w", wiring.ConsumerGroup, err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "group %s: %s, %d behind\n", wiring.ConsumerGroup, lag.State, lag.Lag.Total())
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
		return fmt.Errorf("nothing reads topic %s as group %s", topic, wiring.ConsumerGroup)
	}
	return nil
}
