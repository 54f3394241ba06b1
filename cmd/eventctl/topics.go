package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive/objects"
	"event-processing-service/cmd/internal/archiving"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/shred"
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
			return withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, _ *program) error {
				return listTopics(ctx, client, cmd.OutOrStdout())
			})
		},
	}
	var topic string
	var partitions int32
	apply := &cobra.Command{
		Use:   "apply",
		Short: "Create the topic and the dead letter topics if they are missing; tell how they differ if not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, p *program) error {
				if topic != "" {
					name := p.env.Name
					p.env.Name, p.env.Kafka.Topic, p.env.DeadLetterTopic = "", topic, topic+".dlq"
					p.env = p.env.For(name)
				}
				return applyTopics(ctx, client, p, partitions, cmd.OutOrStdout())
			})
		},
	}
	apply.Flags().StringVar(&topic, "topic", "",
		"the topic; the first processor's dead letters go to TOPIC.dlq (default: as the environment says)")
	apply.Flags().Int32Var(&partitions, "partitions", defaultPartitions, "partitions of a topic that is created")
	cmd.AddCommand(list, apply)
	return cmd
}

const defaultPartitions = 3

// withKafka runs f with a client for the brokers of the environment.
func withKafka(ctx context.Context, f func(context.Context, *kgo.Client, *program) error) error {
	p, err := newProgram(ctx, os.Stderr)
	if err != nil {
		return err
	}
	client, err := p.KafkaClient(p.env.Kafka, clientID)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	return f(ctx, client, p)
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

// applyTopics makes the topics of all processors, or of the one that is named.
func applyTopics(ctx context.Context, client *kgo.Client, p *program, partitions int32, out io.Writer) error {
	if _, err := p.Handlers(p.env); err != nil {
		return err
	}
	letters := []string{p.env.DeadLetterTopic}
	if p.env.Name == "" {
		for _, name := range p.Sets.Others() {
			letters = append(letters, p.env.For(name).DeadLetterTopic)
		}
	}
	states, err := kafka.ApplyTopics(ctx, client, kafka.ServiceTopics(p.env.EventTopics(), partitions, letters...))
	for _, s := range states {
		switch {
		case s.Created:
			fmt.Fprintf(out, "topic %s: created\n", s.Name)
		case len(s.Differences) == 0:
			fmt.Fprintf(out, "topic %s: unchanged\n", s.Name)
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
		Short: "Create what is missing of topics, tables and the archive's bucket; for machines without Pulumi",
		Long: `Create what is missing: the topics, the table where STORE is dynamodb, the table of keys where SUBJECT_KEYS
names one, and the bucket where ARCHIVE_URL does. What is there stays as it is. In AWS the stack makes them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKafka(cmd.Context(), func(ctx context.Context, client *kgo.Client, p *program) error {
				return errors.Join(
					applyTopics(ctx, client, p, defaultPartitions, cmd.OutOrStdout()),
					createTable(ctx, p, cmd.OutOrStdout()), createKeyTable(ctx, p),
					createBucket(ctx, p, cmd.OutOrStdout()))
			})
		},
	}
}

func createTable(ctx context.Context, p *program, out io.Writer) error {
	s := p.env.Store
	if s.Kind != "dynamodb" {
		return nil
	}
	table, err := p.Table(s)
	if err != nil {
		return err
	}
	created, err := table.CreateTable(ctx)
	if err != nil {
		return err
	}
	state := "unchanged"
	if created {
		state = "created"
	}
	_, err = fmt.Fprintf(out, "table %s: %s\n", s.Table, state)
	return err
}

// createKeyTable makes the table of keys, where SUBJECT_KEYS names one.
func createKeyTable(ctx context.Context, p *program) error {
	store, _, err := p.KeyStore(p.env.Keys)
	if err != nil {
		return err
	}
	if table, is := store.(*shred.Table); is {
		return table.Create(ctx)
	}
	return nil
}

// createBucket makes the archive's bucket, where ARCHIVE_URL names one.
func createBucket(ctx context.Context, p *program, out io.Writer) error {
	url, err := settings.LoadArchive(os.LookupEnv)
	if err != nil || url == "" {
		return err
	}
	place, err := archiving.Open(p.Assembly, url)
	if err != nil {
		return err
	}
	bucket, is := place.(*objects.Bucket)
	if !is { // a directory is made with its first object
		return nil
	}
	created, err := bucket.Create(ctx)
	if err != nil {
		return err
	}
	state := "unchanged"
	if created {
		state = "created"
	}
	_, err = fmt.Fprintf(out, "bucket of %s: %s\n", url, state)
	return err
}
