package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/canary"
	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/emf"
)

// newCanary makes what Lambda invokes by the schedule: one check of the service. That it failed is a line of the log
// and a metric, and no error of the function.
func newCanary(ctx context.Context, lookup settings.Lookup, stdout io.Writer) (func(context.Context) error, error) {
	env, err := settings.LoadCanary(lookup)
	if err != nil {
		return nil, fmt.Errorf("the environment is wrong:\n%w", err)
	}
	log := telemetry.NewLogger(stdout, slog.LevelInfo)
	key := &canaryKey{secret: env.KeySecret, assembly: assembly.New(ctx, log)}
	return func(ctx context.Context) error {
		result, err := runCheck(ctx, env, key)
		if refused, is := errors.AsType[*canary.Refused](err); is && refused.Status == http.StatusUnauthorized {
			key.forget() // it may have been replaced
		}
		if err != nil {
			log.Error("the canary's event is not processed", "id", result.ID, "error", err)
		}
		return emf.WriteCheck(stdout, emf.Check{At: time.Now(), Accepted: result.Accepted, Processed: result.Processed})
	}, nil
}

func runCheck(ctx context.Context, env settings.Canary, key *canaryKey) (canary.Result, error) {
	text, err := key.value(ctx)
	if err != nil {
		return canary.Result{}, err
	}
	return canary.Check{URL: env.URL, Key: text, Deadline: env.Deadline}.Run(ctx)
}

// canaryKey is the key that the canary makes for itself, in a secret that nobody else writes, and that the API reads
// within a minute. The function keeps it between its invocations.
type canaryKey struct {
	secret   string // "": the API is open
	assembly *assembly.Assembly

	mu   sync.Mutex
	last string
}

func (k *canaryKey) value(ctx context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.secret == "" || k.last != "" {
		return k.last, nil
	}
	document, err := k.assembly.SecretDocument(k.secret)
	if err != nil {
		return "", err
	}
	text, made, err := document.ReadOrStore(ctx, secrets.NewKey)
	if err != nil {
		return "", fmt.Errorf("read the canary's key: %w", err)
	}
	if made {
		k.assembly.Log.Info("the canary has made its key; the API takes it within a minute")
	}
	k.last = text
	return text, nil
}

func (k *canaryKey) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last = ""
}
