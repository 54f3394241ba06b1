// Command local runs the whole service in one process, with nothing installed but Go: an embedded broker, the API, and the
// processor behind a stand-in for the MSK event source mapping. The code is the cloud's; only the broker and the trigger
// differ. Nothing is kept when it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/api"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/store"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/trigger"
	"event-processing-service/internal/wiring"
	"event-processing-service/internal/wiring/front"
)

const (
	deadLetterTopic = "events.dlq"
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
		os.Exit(1) //nolint:gocritic // the process ends, and the signals with it
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

	door, err := newFront(ctx, env.Kafka, log)
	if err != nil {
		return err
	}
	publisher, err := wiring.NewPublisher(ctx, settings.API{Kafka: env.Kafka}, door.observed.ClientOptions()...)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return fmt.Errorf("listen for the API (choose another port with --port): %w", err)
	}
	server := api.New(door.cfg, printingPublisher{door.observed.Publisher(publisher)}, events, log)

	p, closeProcessor, err := wiring.NewProcessor(ctx, env, wiring.ObserveStore(events, "memory"), log)
	if err != nil {
		return err
	}
	defer closeProcessor()
	function := wiring.NewFunction(p, door.observed.Tracing, wiring.ConsumerGroup, io.Discard)
	mapping, err := newMapping(ctx, env, function, log)
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
	return errors.Join(err, <-mapped, door.observed.Tracing.Close(flush))
}

// localEnvironment is what a container or a function would read from its environment.
func localEnvironment(brokers []string) settings.Processor {
	return settings.Processor{
		Kafka:           settings.Kafka{Brokers: brokers, Topic: "events", Auth: kafka.AuthNone},
		DeadLetterTopic: deadLetterTopic,
		MaxAttempts:     5,
	}
}

// frontDoor is what is around the API.
type frontDoor struct {
	cfg      api.Config
	observed *front.Observed
}

// newFront takes keys, limits, OTEL_* and the like from the environment, to try them. Metrics are at /v1/metrics.
func newFront(ctx context.Context, k settings.Kafka, log *slog.Logger) (frontDoor, error) {
	env, err := settings.LoadAPI(os.LookupEnv)
	if err != nil {
		return frontDoor{}, fmt.Errorf("read the environment: %w", err)
	}
	env.Kafka = k
	observed, err := front.ObserveHere(ctx, env, log)
	if err != nil {
		return frontDoor{}, err
	}
	cfg, err := front.Config(env, observed, log)
	return frontDoor{cfg, observed}, err
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

func newMapping(ctx context.Context, env settings.Processor, function trigger.Invoker, log *slog.Logger) (*trigger.Mapping, error) {
	opts, err := wiring.ClientOptions(ctx, env.Kafka, "trigger")
	if err != nil {
		return nil, err
	}
	return trigger.New(trigger.Config{
		Topic: env.Kafka.Topic, ConsumerGroup: wiring.ConsumerGroup, ClientOptions: opts,
		BatchWindow:     100 * time.Millisecond, // AWS waits 500 ms; a person who tries things should not
		FunctionTimeout: time.Minute, ShutdownGrace: 3 * time.Second, Logger: log,
	}, trigger.InProcess(function, trigger.Function{Name: wiring.ConsumerGroup}))
}
