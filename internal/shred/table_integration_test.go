//go:build integration

package shred

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"event-processing-service/internal/event"
)

// newKeyTable makes a table in DynamoDB Local, and returns its name.
func newKeyTable(t *testing.T) (aws.Config, string) {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("needs DynamoDB Local in DYNAMODB_ENDPOINT")
	}
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	name := fmt.Sprintf("keys-%d", time.Now().UnixNano())
	for range 2 { // it may be there already
		if err := NewTable(cfg, name, nil).Create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return cfg, name
}

func TestTableKeepsTheRulesOfStores(t *testing.T) {
	cfg, name := newKeyTable(t)
	testStore(t, func(*testing.T) Store { return NewTable(cfg, name, nil) })
}

func TestATableOfWrappedKeysKeepsTheRulesOfStores(t *testing.T) {
	cfg, name := newKeyTable(t)
	_, k := newKMS(t)
	testStore(t, func(*testing.T) Store { return NewTable(cfg, name, k) })
}

func TestWhatIsForgottenIsReadByNoProcessOnceItsTimeIsOver(t *testing.T) {
	cfg, name := newKeyTable(t)
	_, k := newKMS(t)
	now := time.Now()
	process := func() *Ring {
		r := NewRing(NewTable(cfg, name, k), Types{"order.*"}, time.Minute)
		r.now = func() time.Time { return now }
		return r
	}
	api, processor := process(), process()
	sealed := mustSeal(t, api, order("1", "ada"))
	other := mustSeal(t, api, order("2", "eve"))
	if open := sealed; processor.Open(t.Context(), &open) != nil || string(open.Data) != `{"name":"Ada"}` {
		t.Fatalf("the processor reads %s", open.Data)
	}

	// The operator's task has no right to the KMS key.
	if gone, err := NewTable(cfg, name, nil).Forget(t.Context(), "ada"); err != nil || len(gone) != 1 {
		t.Fatalf("forgotten are %v: %v", gone, err)
	}
	now = now.Add(time.Minute - time.Second)
	if open := sealed; processor.Open(t.Context(), &open) != nil {
		t.Error("the key is not used for as long as it may be: the documents say a minute")
	}
	now = now.Add(time.Second)
	for who, r := range map[string]*Ring{"the API": api, "the processor": processor, "a new process": process()} {
		if open := sealed; !errors.Is(r.Open(t.Context(), &open), event.ErrForgotten) {
			t.Errorf("%s reads %s", who, open.Data)
		}
		if open := other; r.Open(t.Context(), &open) != nil {
			t.Errorf("%s can't read another subject's event", who)
		}
	}
}

func TestTheTableHasNoKeyThatIsReadableWithoutKMS(t *testing.T) {
	cfg, name := newKeyTable(t)
	f, k := newKMS(t)
	plain, err := NewTable(cfg, name, nil).Current(t.Context(), "old")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTable(cfg, name, k).Current(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	client, table := dynamodb.NewFromConfig(cfg), NewTable(cfg, name, nil)
	out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &name, Key: table.primary("ada")})
	if err != nil {
		t.Fatal(err)
	}
	item := out.Item
	if item[attrSecret] != nil || item[attrWrapped] == nil {
		t.Errorf("stored is %v", item)
	}
	for what, wrapper := range map[string]Wrapper{"without a key of KMS": nil, "with one that may not be used": k} {
		f.away.Store(true)
		_, err := NewTable(cfg, name, wrapper).Current(t.Context(), "ada")
		if err == nil || errors.Is(err, event.ErrForgotten) || errors.Is(err, event.ErrNoKey) {
			t.Errorf("%s: %v, which is no news of the key", what, err)
		}
	}
	f.away.Store(false)

	// A backup that somebody restored, under the only kind of name that AWS takes: another one.
	_, restored := newKeyTable(t)
	if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &restored, Item: item}); err != nil {
		t.Fatal(err)
	}
	if _, err := NewTable(cfg, restored, k).Current(t.Context(), "ada"); err == nil {
		t.Error("a copy of the table is as good as the table")
	}
	if again, err := NewTable(cfg, name, k).Current(t.Context(), "old"); err != nil || again != plain {
		t.Errorf("a key from before is lost: %v", err)
	}
}
