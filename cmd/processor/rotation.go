package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/cmd/internal/rotation"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
)

// newRotation makes what Secrets Manager calls to give a client a new key.
func newRotation(ctx context.Context, lookup settings.Lookup, stdout io.Writer) (
	func(context.Context, rotation.Event) error, error,
) {
	env, err := settings.LoadRotation(lookup)
	if err != nil {
		return nil, fmt.Errorf("the environment is wrong:\n%w", err)
	}
	a := assembly.New(ctx, telemetry.NewLogger(stdout, slog.LevelInfo))
	keys, err := a.SecretDocument(env.KeysSecret)
	if err != nil {
		return nil, err
	}
	r := &rotation.Rotation{Clients: map[string]string{}, Keys: keys, Secret: a.SecretDocument, Overlap: env.Overlap,
		// Each task of the API reads its keys each minute.
		Settled: 75 * time.Second, Pause: time.Second, Log: a.Log,
		Known: func(ctx context.Context, key string) (bool, error) { return knows(ctx, env.URL, key) }}
	for client, arn := range env.Clients {
		r.Clients[arn] = client
	}
	return r.Handle, nil
}

// knows asks for an event that is not there: whoever has a key is told so, and others that they need one.
func knows(ctx context.Context, url, key string) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events/rotation", nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, fmt.Errorf("ask the API: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusOK {
		return true, nil
	}
	return false, fmt.Errorf("the API answers %d", resp.StatusCode)
}
