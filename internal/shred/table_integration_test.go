//go:build integration

package shred

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func TestTableKeepsTheRulesOfStores(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("needs DynamoDB Local in DYNAMODB_ENDPOINT")
	}
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	name := fmt.Sprintf("keys-%d", time.Now().UnixNano())
	for range 2 { // it may be there already
		if err := NewTable(cfg, name).Create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	testStore(t, func(*testing.T) Store { return NewTable(cfg, name) })
}
