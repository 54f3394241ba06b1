// Command local runs the whole service in one process, with nothing installed but Go: an embedded broker, the API, and the
// processor behind a stand-in for the MSK event source mapping. The code is the cloud's; only the broker and the trigger
// differ. Nothing is kept when it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/api"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/store"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/trigger"
	"event-processing-service/internal/wiring"
)

const (
	deadLetterTopic = "events.dlq"
	group           = "event-processing-service-event-processor"
	partitions      = 3
)

func main() {
	port := flag.Int("port", 5001, "the API's port")
	kafkaPort := flag.Int("kafka-port", 9092, "the embedded broker's port")
	brokers := flag.String("brokers", "", "use these brokers (host:port,...) instead of the embedded one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *port, *kafkaPort, kafka.ParseBrokers(*brokers)); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, port, kafkaPort int, brokers []string) (err error) {
	embedded := len(brokers) == 0
	if embedded {
		broker, err := startBroker(kafkaPort)
		if err != nil {
			return err
		}
		defer broker.Close()
		brokers = broker.ListenAddrs()
	}
	env, log := localEnvironment(brokers), telemetry.NewLogger(os.Stderr, slog.LevelWarn)
	if !embedded {
		if err := applyTopics(ctx, env.Kafka); err != nil {
			return err
		}
	}
	events := printingStore{store.NewMemory(time.Hour)}

	publisher, err := wiring.NewPublisher(ctx, settings.API{Kafka: env.Kafka})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return fmt.Errorf("listen for the API (choose another port with --port): %w", err)
	}
	cfg, err := apiConfig(log)
	if err != nil {
		return err
	}
	server := api.New(cfg, printingPublisher{publisher}, events, log)

	p, closeProcessor, err := wiring.NewProcessor(ctx, env, events, log)
	if err != nil {
		return err
	}
	defer closeProcessor()
	mapping, err := newMapping(ctx, env, lambda.NewHandler(p.Handle), log)
	if err != nil {
		return err
	}

	// The API first: what it still takes is still processed.
	mapped, processing := make(chan error, 1), context.WithoutCancel(ctx)
	processing, stopProcessing := context.WithCancel(processing)
	defer stopProcessing()
	go func() { mapped <- mapping.Run(processing) }()
	greet(ln.Addr(), brokers, embedded)
	err = server.Serve(ctx, ln, 3*time.Second)

	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err = errors.Join(err, publisher.Close(flush))
	stopProcessing()
	return errors.Join(err, <-mapped)
}

// localEnvironment is what a container or a function would read from its environment.
func localEnvironment(brokers []string) settings.Processor {
	return settings.Processor{
		Kafka:           settings.Kafka{Brokers: brokers, Topic: "events", Auth: kafka.AuthNone},
		DeadLetterTopic: deadLetterTopic,
		MaxAttempts:     5,
	}
}

// apiConfig takes keys, limits and the like from the environment, to try them.
func apiConfig(log *slog.Logger) (api.Config, error) {
	env, err := settings.LoadAPI(os.LookupEnv)
	if err != nil {
		return api.Config{}, fmt.Errorf("read the environment: %w", err)
	}
	return wiring.APIConfig(env, log)
}

func startBroker(port int) (*kfake.Cluster, error) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(partitions, "events", deadLetterTopic))
	if err != nil {
		return nil, fmt.Errorf("start the embedded broker (choose another port with --kafka-port, or --brokers): %w", err)
	}
	return broker, nil
}

func applyTopics(ctx context.Context, k settings.Kafka) error {
	client, err := wiring.KafkaClient(ctx, k)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err = kafka.ApplyTopics(ctx, client, kafka.ServiceTopics(k.Topic, deadLetterTopic, partitions))
	return err
}

func newMapping(ctx context.Context, env settings.Processor, handler lambda.Handler, log *slog.Logger) (*trigger.Mapping, error) {
	cfg, err := wiring.KafkaConfig(ctx, env.Kafka, "trigger")
	if err != nil {
		return nil, err
	}
	opts, err := kafka.Options(cfg)
	if err != nil {
		return nil, err
	}
	return trigger.New(trigger.Config{
		Topic: env.Kafka.Topic, ConsumerGroup: group, ClientOptions: opts,
		BatchWindow:     100 * time.Millisecond, // AWS waits 500 ms; a person who tries things should not
		FunctionTimeout: time.Minute, ShutdownGrace: 3 * time.Second, Logger: log,
	}, trigger.InProcess(handler, trigger.Function{Name: group}))
}
