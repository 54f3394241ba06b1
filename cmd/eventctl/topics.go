package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/wiring"
)

// adminTimeout bounds what is asked of the brokers.
const adminTimeout = 30 * time.Second

func topicsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "topics", Short: "List the topics, or create what is missing"}
	list := &cobra.Command{
		Use:   "list",
		Short: "List the topics with partitions and replicas",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, _ settings.Processor) error {
				return listTopics(ctx, client, cmd.OutOrStdout())
			})
		},
	}
	var topic string
	var partitions int32
	apply := &cobra.Command{
		Use:   "apply",
		Short: "Create the topic and its dead letter topic if they are missing; tell how they differ if not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, env settings.Processor) error {
				if topic != "" {
					env.Kafka.Topic, env.DeadLetterTopic = topic, topic+".dlq"
				}
				return applyTopics(ctx, client, env, partitions, cmd.OutOrStdout())
			})
		},
	}
	apply.Flags().StringVar(&topic, "topic", "", "the topic; its dead letters go to TOPIC.dlq (default: as the environment says)")
	apply.Flags().Int32Var(&partitions, "partitions", defaultPartitions, "partitions of a topic that is created")
	cmd.AddCommand(list, apply)
	return cmd
}

const defaultPartitions = 3

// withKafka runs f with a client for the brokers of the environment.
func withKafka(ctx context.Context, f func(context.Context, *kgo.Client, settings.Processor) error) error {
	env, err := environment()
	if err != nil {
		return err
	}
	client, err := wiring.KafkaClient(ctx, env.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	return f(ctx, client, env)
}

func listTopics(ctx context.Context, client *kgo.Client, out io.Writer) error {
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TOPIC\tPARTITIONS\tREPLICAS")
	for _, t := range topics.Sorted() {
		fmt.Fprintf(w, "%s\t%d\t%d\n", t.Topic, len(t.Partitions), t.Partitions.NumReplicas())
	}
	return w.Flush()
}

func applyTopics(ctx context.Context, client *kgo.Client, env settings.Processor, partitions int32, out io.Writer) error {
	states, err := kafka.ApplyTopics(ctx, client, kafka.ServiceTopics(env.Kafka.Topic, env.DeadLetterTopic, partitions))
	for _, s := range states {
		switch {
		case s.Created:
			fmt.Fprintf(out, "topic %s: created\n", s.Name)
		case len(s.Differences) == 0:
			fmt.Fprintf(out, "topic %s: is as it should be\n", s.Name)
		}
		for _, d := range s.Differences {
			fmt.Fprintf(out, "topic %s: %s; nothing was changed\n", s.Name, d)
		}
	}
	return err
}

func setupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Create what is missing of topics and, with STORE=dynamodb, the table; for machines without Pulumi",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, env settings.Processor) error {
				return errors.Join(
					applyTopics(ctx, client, env, defaultPartitions, cmd.OutOrStdout()),
					createTable(ctx, env.Store, cmd.OutOrStdout()))
			})
		},
	}
}

func createTable(ctx context.Context, s settings.Store, out io.Writer) error {
	if s.Kind != "dynamodb" {
		return nil
	}
	table, err := wiring.NewDynamoDB(ctx, s)
	if err != nil {
		return err
	}
	if err := table.CreateTable(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "table %s: is there\n", s.Table)
	return err
}
