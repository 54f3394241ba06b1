package store

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"event-processing-service/internal/event"
)

// local returns a store on the DynamoDB Local that the environment names, or skips the test.
func local(t *testing.T, table string, retention time.Duration) *DynamoDB {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("needs DynamoDB Local: set DYNAMODB_ENDPOINT to its URL, such as http://127.0.0.1:8000")
	}
	return at(endpoint, table, retention)
}

func at(endpoint, table string, retention time.Duration) *DynamoDB {
	return NewDynamoDB(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}, table, retention)
}

func TestDynamoDB(t *testing.T) {
	table := "test-" + rand.Text()
	if _, err := local(t, table, time.Hour).CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	testStore(t, func(t *testing.T, retention time.Duration) anyStore { return local(t, table, retention) })
	t.Run("of a named processor", func(t *testing.T) {
		testStore(t, func(t *testing.T, retention time.Duration) anyStore { return local(t, table, retention).Of("audit") })
	})
}

func TestATableIsCreatedOnceHoweverOftenItIsAskedFor(t *testing.T) {
	d := local(t, "test-"+rand.Text(), time.Hour)
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			if _, err := d.CreateTable(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	out, err := d.client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &d.table})
	if err != nil {
		t.Fatal(err)
	}
	if ttl := out.TimeToLiveDescription; ttl.TimeToLiveStatus != types.TimeToLiveStatusEnabled ||
		aws.ToString(ttl.AttributeName) != "expires_at" {
		t.Errorf("TTL is %s on %q, want it enabled on expires_at", ttl.TimeToLiveStatus, aws.ToString(ttl.AttributeName))
	}
}

func TestAnItemOfAnotherProgramIsAnErrorNotANewEvent(t *testing.T) {
	d := local(t, "test-"+rand.Text(), time.Hour)
	if _, err := d.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := event.Identity{Source: "/test", ID: "1"}
	item := map[string]types.AttributeValue{"pk": text(partitionKey(subject{Identity: id})), "version": text("1.0")}
	if _, err := d.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &d.table, Item: item}); err != nil {
		t.Fatal(err)
	}
	_, err := d.Begin(t.Context(), event.Claim{Identity: id, Owner: "a"})
	if !errors.Is(err, event.ErrUnreadable) || !strings.Contains(err.Error(), "attribute version") {
		t.Errorf("claiming it gives error %v, want one that names the attribute", err)
	}
}

func TestAStoreThatDoesNotAnswerIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connections wait in its queue for ever
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	d := at("http://"+silent.Addr().String(), "events", time.Hour)
	start := time.Now()
	_, err = d.Begin(t.Context(), event.Claim{Identity: event.Identity{Source: "/test", ID: "1"}, Owner: "a"})
	if err == nil {
		t.Fatal("a store that does not answer granted a claim")
	}
	if took := time.Since(start); took > maxTries*(tryTimeout+maxTryBackoff)+time.Second {
		t.Errorf("given up after %s, want within 4 s", took)
	}
	if !strings.Contains(err.Error(), `claim event "1" of "/test" in table events`) {
		t.Errorf("error is %q, want it to name the event and the table", err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := d.Outcome(ctx, event.Identity{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a context that ends it gives %v, want its error", err)
	}
}

func TestPartitionKeysFitAndDiffer(t *testing.T) {
	seen := map[string]subject{}
	for _, id := range []event.Identity{
		{Source: "/orders", ID: "1"}, {Source: "a b", ID: "c"}, {Source: "a", ID: "b c"}, {Source: "a%20b", ID: "c"},
		{Source: "a%2520b", ID: "c"},
		{Source: "a", ID: strings.Repeat("x", 2046)}, {Source: "a", ID: strings.Repeat("x", 2047)},
		{Source: "a", ID: strings.Repeat("x", 1<<20)},
		{Source: "a", ID: "\xff"}, {Source: "a", ID: "\uFFFD"}, {},
		// What looks like another processor's.
		{Source: "%a", ID: "/orders 1"}, {Source: "%audit", ID: "/orders 1"}, {Source: "audit", ID: "/orders 1"},
		{Source: "%audit /orders", ID: "1"}, {Source: "", ID: "%audit /orders 1"}, {Source: "%audit", ID: " "},
	} {
		for _, processor := range []string{"", "a", "audit", "a-b"} {
			of := subject{id, processor}
			key := partitionKey(of)
			if other, taken := seen[key]; taken {
				t.Errorf("%.20q and %.20q have one key", of, other)
			}
			if len(key) == 0 || len(key) > 2048 {
				t.Errorf("key of %.20q has %d bytes, want 1 to 2048", of, len(key))
			}
			seen[key] = of
		}
	}
	for processor, want := range map[string]string{"": "/orders o-1 ☃", "audit": "%audit /orders o-1 ☃"} {
		if key := partitionKey(subject{event.Identity{Source: "/orders", ID: "o-1 ☃"}, processor}); key != want {
			t.Errorf("key is %q, which an operator can't read; want %q", key, want)
		}
	}
}
