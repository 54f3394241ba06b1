package orders_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"event-processing-service/processor/processortest"
)

// fakePayments is the HTTP service, in memory: it does a thing once for each idempotency key.
type fakePayments struct {
	mu      sync.Mutex
	refuses int            // status of the next answers
	charges map[string]int // by key
	calls   int
}

func (f *fakePayments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.Trim(r.Header.Get("Idempotency-Key"), `"`)
	switch {
	case r.URL.Path == "/health":
		return
	case r.Method != http.MethodPost || r.URL.Path != "/charges" || key == "":
		w.WriteHeader(http.StatusBadRequest)
		return
	case r.Header.Get("Authorization") != "Bearer "+secret:
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if f.calls++; f.refuses != 0 {
		w.WriteHeader(f.refuses)
		return
	}
	f.charges[key] = 1 // again: the same charge
	w.WriteHeader(http.StatusCreated)
}

func (f *fakePayments) charged(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.charges[key]
}

// fakeTable is DynamoDB as far as ledger asks it.
type fakeTable struct {
	mu   sync.Mutex
	rows map[string]string // paid_by, by order_id
	puts int
}

func (f *fakeTable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var in struct {
		Item                struct{ OrderID, PaidBy struct{ S string } }
		ConditionExpression string
	}
	text := strings.NewReplacer("order_id", "OrderID", "paid_by", "PaidBy").Replace(string(body))
	err = errors.Join(err, json.Unmarshal([]byte(text), &in))
	f.mu.Lock()
	defer f.mu.Unlock()
	by, is := f.rows[in.Item.OrderID.S]
	switch {
	case err != nil || in.ConditionExpression != "attribute_not_exists(OrderID) OR PaidBy = :by":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"com.amazon.coral.validate#ValidationException"}`)
	case is && by != in.Item.PaidBy.S:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}`)
	default:
		f.puts++
		f.rows[in.Item.OrderID.S] = in.Item.PaidBy.S
		fmt.Fprint(w, `{}`)
	}
}

func (f *fakeTable) config() *aws.Config {
	return &aws.Config{
		Region: "us-east-1", HTTPClient: &http.Client{Transport: processortest.Service{Handler: f}},
		BaseEndpoint: aws.String("http://table.test"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}
