package assembly_test

import (
	"log/slog"
	"testing"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/settings"
)

func TestEachWayToAuthenticateThatMayBeSetReachesTheClient(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_REGION", "us-east-1")
	options := map[string]int{}
	for _, auth := range settings.Auths {
		a := assembly.New(t.Context(), slog.New(slog.DiscardHandler))
		opts, err := a.ClientOptions(settings.Kafka{Brokers: []string{"b:1"}, Auth: settings.Auth(auth)}, "test")
		if err != nil {
			t.Errorf("KAFKA_AUTH=%s is accepted, and then refused: %v", auth, err)
		}
		options[auth] = len(opts)
	}
	for auth, n := range options {
		if auth != string(settings.AuthNone) && n <= options[string(settings.AuthNone)] {
			t.Errorf("KAFKA_AUTH=%s is accepted, and the client does nothing about it", auth)
		}
	}
}
