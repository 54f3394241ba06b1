// Command api serves the HTTP API. Its environment is described in the README. `api healthcheck` asks a running one
// whether it lives, and is the container's health check, as the image has nothing else to ask with.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/wiring"
	"event-processing-service/internal/wiring/front"
)

// patience is how long requests that are under way may take after SIGTERM. With DRAIN_DELAY it must stay below the
// stopTimeout of the task, after which the process is killed.
const patience = 20 * time.Second

func main() {
	env, err := settings.LoadAPI(os.LookupEnv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "api: the environment is wrong:\n%v\n", err)
		os.Exit(2)
	}
	if len(os.Args) > 1 && os.Args[1] == "healthcheck" {
		err = healthcheck(env.Port)
	} else {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		err = run(ctx, env)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, env settings.API) error {
	level := new(slog.LevelVar)
	level.Set(env.LogLevel)
	log := telemetry.NewLogger(os.Stdout, level)
	telemetry.ToggleLevel(ctx, level, log)
	observed, err := front.Observe(ctx, env, log)
	if err != nil {
		return err
	}
	publisher, err := wiring.NewPublisher(ctx, env, observed.ClientOptions()...)
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), env.PublishTimeout)
		defer cancel()
		if e := publisher.Close(flush); e != nil {
			// Serve has returned, so every client has its answer; those of what is left were told that its outcome is
			// unknown. A shutdown in order, then, though Kafka is not well.
			log.Warn("records were left without an acknowledgement", "error", e)
		}
		if e := observed.Tracing.Close(flush); e != nil {
			log.Warn("spans were left unsent", "error", e)
		}
	}()
	outcomes, err := newOutcomes(ctx, env.Store)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", ":"+strconv.Itoa(env.Port))
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", env.Port, err)
	}
	log.Info("serving", "port", env.Port, "topic", env.Kafka.Topic, "version", telemetry.Version())
	cfg, err := front.Config(env, observed, log)
	if err != nil {
		return err
	}
	server := api.New(cfg, observed.Publisher(publisher), outcomes, log)
	return server.Serve(ctx, ln, patience)
}

// newOutcomes is nil without a store that the processor shares: a memory of this process's own would know nothing.
func newOutcomes(ctx context.Context, s settings.Store) (api.Outcomes, error) {
	if s.Kind != "dynamodb" {
		return nil, nil
	}
	return wiring.NewDynamoDB(ctx, s)
}

// healthcheck exits 0 when the API on this host answers.
func healthcheck(port int) error {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/health/live", port))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answers %s", resp.Status)
	}
	return nil
}
