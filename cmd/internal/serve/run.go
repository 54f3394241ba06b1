package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
)

// patience is how long running requests may take after SIGTERM. Together with DRAIN_DELAY it must stay below the
// task's stopTimeout, after which ECS kills the process.
const patience = 20 * time.Second

// Run serves the API until ctx ends. It is the program of the container.
func Run(ctx context.Context, env settings.API, stdout io.Writer) error {
	boundMemory("/")
	level := new(slog.LevelVar)
	level.Set(env.LogLevel)
	log := telemetry.NewLogger(stdout, level)
	telemetry.ToggleLevel(ctx, level, log)
	program, err := New(ctx, assembly.New(ctx, log), env, Parts{})
	if err != nil {
		return err
	}
	defer program.Close(ctx)
	ln, err := net.Listen("tcp", ":"+strconv.Itoa(env.Port))
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", env.Port, err)
	}
	log.Info("serving", "port", env.Port, "tls", env.SelfSigned, "topic", env.Kafka.Topic, "version", telemetry.Version())
	return program.Serve(ctx, ln, patience)
}

// CheckHealth fails unless the API on this host answers.
func CheckHealth(ctx context.Context, env settings.API) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	scheme := "http"
	if env.SelfSigned {
		scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		fmt.Sprintf("%s://127.0.0.1:%d/health/live", scheme, env.Port), nil)
	if err != nil {
		return err
	}
	// Nobody can verify the API's own certificate, and nobody is between a host and itself.
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // G402: as said above
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the API for its health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answers %s", resp.Status)
	}
	return nil
}
