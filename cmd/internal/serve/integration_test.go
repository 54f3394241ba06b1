//go:build integration

package serve

import (
	"crypto/rand"
	"log/slog"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/settings"
)

func TestOnDynamoDBLocalTheAPIIsDegradedWithoutItsTable(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("needs DynamoDB Local in DYNAMODB_ENDPOINT")
	}
	at, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
		"AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(key, value)
	}
	name := "it-" + rand.Text()
	store, err := assembly.New(t.Context(),
		slog.New(slog.DiscardHandler)).Table(settings.Store{Kind: "dynamodb", Table: name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	losesItsTable(t, &table{Handler: httputil.NewSingleHostReverseProxy(at)}, name)
}
