package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/trigger"
	"event-processing-service/internal/wiring"
)

func triggerCommand() *cobra.Command {
	var bootstrap string
	var window, timeout, session time.Duration
	var batchSize int
	cmd := &cobra.Command{
		Use:   "trigger",
		Short: "Read the topic and invoke the function, as MSK's event source mapping does in AWS",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := environment()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			opts, err := wiring.ClientOptions(ctx, env.Kafka, "trigger")
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
				Topic: env.Kafka.Topic, ConsumerGroup: wiring.ConsumerGroup, ClientOptions: opts,
				Source:    trigger.Source{BootstrapServers: strings.Join(env.Kafka.Brokers, ",")},
				BatchSize: batchSize, BatchWindow: window, FunctionTimeout: timeout,
				Logger: telemetry.NewLogger(cmd.OutOrStdout(), env.LogLevel),
			}
			if env.PartialBatchResponse {
				mc.Provisioned = &trigger.Provisioned{ReportBatchItemFailures: true}
			}
			mapping, err := trigger.New(mc, invoker)
			if err != nil {
				return err
			}
			return mapping.Run(ctx)
		},
	}
	cmd.Flags().StringVar(&bootstrap, "bootstrap", "", "path of the function's binary; without it the function runs in this process")
	cmd.Flags().DurationVar(&window, "batch-window", 500*time.Millisecond, "how long a batch waits for more records")
	cmd.Flags().IntVar(&batchSize, "batch-size", trigger.DefaultBatchSize, "the most records of one invocation")
	cmd.Flags().DurationVar(&session, "session-timeout", 45*time.Second, "how long its partitions wait for a trigger that died")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "the function's time-out")
	return cmd
}
