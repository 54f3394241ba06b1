package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/api"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/cmd/internal/serve"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/telemetry"
	"event-processing-service/processor"
)

const partitions = 3

// run runs the service until ctx ends. What happens to events is told on out.
func run(ctx context.Context, env environment, log *slog.Logger, out io.Writer) error {
	console := newConsole(out)
	a := assembly.New(ctx, slog.New(eventLines{console: console, next: log.Handler(), logged: env.logged}))
	a.Sets = withDemo(env.sets)
	if _, err := a.Handlers(env.processor); err != nil {
		return err
	}
	kept, err := openData(env.data)
	if err != nil {
		return err
	}
	defer kept.close()
	if env.ownKeys != "" {
		defer func() { _ = os.RemoveAll(env.ownKeys) }() // without the records they are of no use
	}
	if env.embedded {
		broker, err := startBroker(env, kept.options(log))
		if err != nil {
			return err
		}
		defer broker.Close()
		env.api.Kafka.Brokers, env.processor.Kafka.Brokers = broker.ListenAddrs(), broker.ListenAddrs()
	}
	page, noPage, err := openPage(env, kept)
	if err != nil {
		return err
	}
	defer page.close()
	if !env.embedded || kept.isKept() { // a folder may be of a run with other topics
		if err := applyTopics(ctx, a, env); err != nil {
			return err
		}
	}
	all, err := openProcessors(kept, a, env)
	if err != nil {
		return err
	}
	defer all.close()
	needs := &needs{}
	told := func(p api.Publisher) api.Publisher { return page.publisher(printingPublisher{p, console}) }
	archive, err := openRecords(a, env)
	if err != nil {
		return err
	}
	defer archive.close()
	program, err := serve.New(ctx, page.told(a), env.api, serve.Parts{
		Outcomes: all.stores[""], Others: all.others(), Publisher: told, Checks: needs.checks,
	})
	if err != nil {
		return err
	}
	defer program.Close(ctx)
	ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(env.api.Port))
	if err != nil {
		return fmt.Errorf("listen for the API (choose another port with --port): %w", err)
	}
	names := running(a.Sets, env.processor)
	for i, name := range names {
		its, watched := env, a
		its.processor = env.processor.For(name)
		if i == 0 { // the page shows one processor
			watched = page.told(a)
		}
		if err := all.start(ctx, watched, its, assembly.FunctionParts{
			Tracing: program.Tracing, Needs: needs.add,
			Publisher: func(p telemetry.Publisher) telemetry.Publisher { return told(p) },
		}); err != nil {
			return err
		}
	}

	// The API ends first: what it still accepts is still processed.
	mapped := make(chan error, 1)
	processing, stopProcessing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopProcessing()
	go func() { mapped <- all.run(processing) }()
	archived := make(chan error, 1)
	archiving, stopArchiving := context.WithCancel(context.WithoutCancel(ctx))
	defer stopArchiving()
	go func() { archived <- archive.run(archiving, a, env) }()
	console.greet(ln.Addr(), env, page, noPage, archive.url)
	shown := make(chan error, 1)
	showing, stopShowing := context.WithCancel(ctx)
	defer stopShowing()
	go func() { shown <- page.serve(showing, a, env, all.stores[env.processor.Name], apiURL(ln.Addr())) }()
	err = program.Serve(ctx, ln, 3*time.Second)
	stopProcessing()
	stopShowing()
	err = errors.Join(err, <-mapped, <-shown)
	stopArchiving() // last, so that it has the dead letters
	return errors.Join(err, <-archived)
}

// needs are what the handlers depend on, once they are registered: the API is there before them.
type needs struct{ all atomic.Pointer[[]api.Check] }

// add takes those of one processor more. The processors are started one after the other.
func (n *needs) add(dependencies []processor.Dependency) {
	checks := slices.Clone(n.checks())
	for _, d := range dependencies {
		checks = append(checks, api.Check(d))
	}
	n.all.Store(&checks)
}

func (n *needs) checks() []api.Check {
	if all := n.all.Load(); all != nil {
		return *all
	}
	return nil
}

// letterTopics are the dead letter topics of the processors that run.
func letterTopics(env environment) (topics []string) {
	for _, name := range running(env.sets, env.processor) {
		topics = append(topics, env.processor.For(name).DeadLetterTopic)
	}
	return topics
}

func startBroker(env environment, options []kfake.Opt) (*kfake.Cluster, error) {
	broker, err := kfake.NewCluster(append(options, kfake.NumBrokers(1), kfake.Ports(env.kafkaPort),
		kfake.SeedTopics(partitions, append(letterTopics(env), env.processor.EventTopics()...)...))...)
	if err != nil {
		return nil, fmt.Errorf("start the embedded broker (choose another port with --kafka-port, or --brokers): %w", err)
	}
	return broker, nil
}

func applyTopics(ctx context.Context, a *assembly.Assembly, env environment) error {
	client, err := a.KafkaClient(env.processor.Kafka, "local")
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	topics := kafka.ServiceTopics(env.processor.EventTopics(), partitions, letterTopics(env)...)
	_, err = kafka.ApplyTopics(ctx, client, topics)
	return err
}
