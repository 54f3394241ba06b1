// Package tabletest is a table in memory, for tests of what a real one does not do when it is asked to: lose answers,
// lack capacity, refuse. It knows of DynamoDB what package store asks, and passes the same suite as DynamoDB Local.
package tabletest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Table is an http.RoundTripper's counterpart for the AWS SDK. The zero value is an empty table without faults.
type Table struct {
	// Fault, if set, decides on each request. It is called by one caller at a time.
	Fault func(Request) Fault

	mu    sync.Mutex
	items map[string]Item
}

// Request is what DynamoDB is asked.
type Request struct {
	Operation string
	Keys      []string // of the items, in the order of the statements
}

// Fault is what happens to a request. The zero value: nothing.
type Fault struct {
	Refused    string         // its answer is this error, of status 400, and nothing is done
	Unreached  bool           // it does not come through
	Lost       bool           // it is done, and the answer does not come through
	Statements map[int]string // the errors of some of its statements, which are not done
}

// Item is an item as JSON has it: of each attribute its type and value.
type Item map[string]map[string]string

type asked struct {
	Item, Key                 Item
	ConditionExpression       string
	ExpressionAttributeValues Item
	Statements                []struct {
		Statement  string
		Parameters []map[string]string
	}
	RequestItems map[string]struct{ Keys []Item }
}

type statementError struct {
	Code, Message string
	Item          Item `json:",omitempty"`
}

type statementAnswer struct{ Error *statementError }

// Config is how to reach the table.
func (t *Table) Config() aws.Config {
	return aws.Config{Region: "us-east-1", HTTPClient: t, BaseEndpoint: aws.String("http://table.test"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		})}
}

var errCut = errors.New("connection reset by peer")

// Do answers a request.
func (t *Table) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var in asked
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	t.mu.Lock()
	defer t.mu.Unlock()
	var fault Fault
	if t.Fault != nil {
		fault = t.Fault(Request{Operation: operation, Keys: in.keys()})
	}
	if fault.Unreached {
		return nil, errCut
	}
	if fault.Refused != "" {
		return respond(http.StatusBadRequest,
			map[string]string{"__type": "com.amazonaws.dynamodb.v20120810#" + fault.Refused, "message": "no"})
	}
	status, out := t.answer(operation, in, fault.Statements)
	if fault.Lost {
		return nil, errCut
	}
	return respond(status, out)
}

func respond(status int, out any) (*http.Response, error) {
	text, err := json.Marshal(out)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text))}, err
}

func (in *asked) keys() (keys []string) {
	for _, item := range []Item{in.Item, in.Key} {
		if item != nil {
			keys = append(keys, key(item))
		}
	}
	for i := range in.Statements {
		_, key := in.read(i)
		keys = append(keys, key)
	}
	for _, table := range in.RequestItems {
		for _, item := range table.Keys {
			keys = append(keys, key(item))
		}
	}
	return keys
}

func key(item Item) string { return item["pk"]["S"] }

func (t *Table) answer(operation string, in asked, faults map[int]string) (int, any) {
	if t.items == nil {
		t.items = map[string]Item{}
	}
	switch operation {
	case "PutItem":
		there, known := t.items[key(in.Item)]
		if in.ConditionExpression == "attribute_not_exists(pk)" && known ||
			in.ConditionExpression == "#version = :version" &&
				there["version"]["N"] != in.ExpressionAttributeValues[":version"]["N"] {
			return http.StatusBadRequest, map[string]any{"__type": "ConditionalCheckFailedException", "Item": there}
		}
		t.items[key(in.Item)] = in.Item
		return http.StatusOK, struct{}{}
	case "GetItem":
		return http.StatusOK, map[string]Item{"Item": t.items[key(in.Key)]}
	case "BatchGetItem":
		found := map[string][]Item{}
		for name, table := range in.RequestItems {
			for _, k := range table.Keys {
				if item := t.items[key(k)]; item != nil {
					found[name] = append(found[name], item)
				}
			}
		}
		return http.StatusOK, map[string]any{"Responses": found}
	case "BatchExecuteStatement":
		return t.execute(in, faults)
	}
	return http.StatusBadRequest, map[string]string{"__type": "UnknownOperationException", "message": operation}
}

func (t *Table) execute(in asked, faults map[int]string) (int, any) {
	seen := map[string]bool{}
	for _, key := range in.keys() {
		if seen[key] || len(in.Statements) > 25 {
			return http.StatusBadRequest,
				map[string]string{"__type": "ValidationException", "message": "duplicates, or too many"}
		}
		seen[key] = true
	}
	answers := make([]statementAnswer, len(in.Statements))
	for i := range in.Statements {
		item, key := in.read(i)
		there, known := t.items[key]
		switch {
		case faults[i] != "":
			answers[i].Error = &statementError{Code: faults[i], Message: "no"}
		case key == "":
			answers[i].Error = &statementError{Code: "ValidationError", Message: in.Statements[i].Statement}
		case item != nil && known:
			answers[i].Error = &statementError{Code: "DuplicateItem", Message: "Duplicate primary key exists in table"}
		case item != nil:
			t.items[key] = item
		case there["version"]["N"] != in.version(i):
			answers[i].Error = &statementError{Code: "ConditionalCheckFailed", Message: "The conditional request failed",
				Item: there}
		default:
			t.items[key] = in.update(i, there)
		}
	}
	return http.StatusOK, map[string]any{"Responses": answers}
}

var (
	inserts = regexp.MustCompile(`^INSERT INTO "[^"]+" VALUE \{('\w+':\?,?)+\}$`)
	updates = regexp.MustCompile(`^UPDATE "[^"]+"( SET "\w+"=\?)+( REMOVE "\w+")* WHERE "pk"=\? AND "version"=\?$`)
	fields  = regexp.MustCompile(`'(\w+)':\?`)
	sets    = regexp.MustCompile(` SET "(\w+)"=\?`)
	removes = regexp.MustCompile(` REMOVE "(\w+)"`)
)

// read returns the item that a statement inserts, nil for an update, and the key.
func (in *asked) read(i int) (Item, string) {
	s := in.Statements[i]
	switch {
	case inserts.MatchString(s.Statement):
		item := Item{}
		for n, name := range fields.FindAllStringSubmatch(s.Statement, -1) {
			item[name[1]] = s.Parameters[n]
		}
		return item, key(item)
	case updates.MatchString(s.Statement):
		return nil, s.Parameters[len(s.Parameters)-2]["S"]
	}
	return nil, ""
}

func (in *asked) version(i int) string {
	p := in.Statements[i].Parameters
	return p[len(p)-1]["N"]
}

func (in *asked) update(i int, there Item) Item {
	s := in.Statements[i]
	item := Item{}
	for name, value := range there {
		item[name] = value
	}
	for n, name := range sets.FindAllStringSubmatch(s.Statement, -1) {
		item[name[1]] = s.Parameters[n]
	}
	for _, name := range removes.FindAllStringSubmatch(s.Statement, -1) {
		delete(item, name[1])
	}
	return item
}

// String shows a request in a test's message.
func (r Request) String() string { return fmt.Sprintf("%s of %d", r.Operation, len(r.Keys)) }
