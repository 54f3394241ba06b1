package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/trigger"
)

func triggerCommand() *cobra.Command {
	var bootstrap, group string
	var window, timeout, session time.Duration
	var batchSize int
	cmd := &cobra.Command{
		Use:   "trigger",
		Short: "Read the topic and invoke the function, as MSK's event source mapping does in AWS",
		Long: `Read $KAFKA_TOPIC and invoke the function, as MSK's event source mapping does in AWS.

Each partition has batches of its own, and a batch that fails is retried until it succeeds; that holds up its own
partition and no other. The function runs in this process or, with --bootstrap, as the real binary behind the Lambda
Runtime API, in as many children as partitions are busy. With PARTIAL_BATCH_RESPONSE=true the function's answer names
the records that failed, and only those are retried.

A topic that does not exist is waited for. One that is deleted and created again is read from its start. The log says
what is waited for, and of a fault that persists there is a line every ten seconds.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			p, err := newProgram(ctx, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			env := p.env
			opts, err := p.ClientOptions(env.Kafka, "trigger")
			if err != nil {
				return err
			}
			// Three heartbeats may be lost before the group gives a trigger up.
			opts = append(opts, kgo.SessionTimeout(session), kgo.HeartbeatInterval(min(session/4, 3*time.Second)))
			invoker, closeInvoker, err := newInvoker(ctx, bootstrap, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			defer closeInvoker()
			mc := trigger.Config{
				Topic: env.Topic(), ConsumerGroup: assembly.GroupOf(group, env.Name), ClientOptions: opts,
				Source:    trigger.Source{BootstrapServers: strings.Join(env.Kafka.Brokers, ",")},
				BatchSize: batchSize, BatchWindow: window, FunctionTimeout: timeout,
				Logger: p.Log, ReportBatchItemFailures: env.PartialBatchResponse,
			}
			mapping, err := trigger.New(mc, invoker)
			if err != nil {
				return err
			}
			return mapping.Run(ctx)
		},
	}
	cmd.Flags().StringVar(&bootstrap, "bootstrap", "",
		"path of the function's binary; without it the function runs in this process")
	cmd.Flags().StringVar(&group, "group", assembly.ConsumerGroup,
		"consumer group of the first processor, which holds its position; another's has its name at the end")
	cmd.Flags().DurationVar(&window, "batch-window", 500*time.Millisecond, "how long a batch waits for more records")
	cmd.Flags().IntVar(&batchSize, "batch-size", trigger.DefaultBatchSize, "the most records of one invocation")
	cmd.Flags().DurationVar(&session, "session-timeout", 45*time.Second,
		"how long its partitions wait for a trigger that died")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "the function's time-out")
	return cmd
}
