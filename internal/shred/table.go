package shred

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"event-processing-service/internal/event"
)

// The attributes of an item, of which there is one for each subject.
const (
	attrSubject   = "pk"        // hash
	attrVersion   = "version"   // grows by one with every change
	attrKeyID     = "key_id"    // absent: the subject has no key now
	attrSecret    = "secret"    // likewise, or where it is wrapped
	attrWrapped   = "wrapped"   // likewise, or where it is not
	attrForgotten = "forgotten" // map of ids to when their keys were deleted
)

// Table keeps keys in DynamoDB, for any number of processes.
type Table struct {
	client  *dynamodb.Client
	table   string
	wrapper Wrapper // nil: new keys are stored as they are
}

// NewTable keeps keys in a table of their own: a backup of it would keep what is to be forgotten. Without a wrapper it
// can forget all keys, and find none that are wrapped.
func NewTable(cfg aws.Config, table string, wrapper Wrapper) *Table {
	return &Table{table: table, wrapper: wrapper, client: dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.Retryer, o.HTTPClient = retryer(), impatient(o.HTTPClient)
	})}
}

func retryer() aws.Retryer {
	return retry.NewStandard(func(s *retry.StandardOptions) { s.MaxAttempts, s.MaxBackoff = 3, 300*time.Millisecond })
}

// impatient bounds a call, which takes about 5 ms, so that three tries of it end within keyTimeout.
func impatient(client aws.HTTPClient) aws.HTTPClient {
	if client == nil {
		client = awshttp.NewBuildableClient()
	}
	if c, ok := client.(*awshttp.BuildableClient); ok {
		return c.WithTimeout(time.Second)
	}
	return client
}

// subjectItem is what a table has of a subject.
type subjectItem struct {
	version   int64  // 0: there is no item
	key       Key    // ID "": none
	wrapped   []byte // the key's secret, which is not in key; nil: it is
	forgotten map[string]time.Time
}

func (t *Table) read(ctx context.Context, subject string) (i subjectItem, err error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.table, ConsistentRead: aws.Bool(true), Key: t.primary(subject),
	})
	if err != nil {
		return i, fmt.Errorf("read key in table %s: %w", t.table, err)
	}
	if i, err = readItem(out.Item); err != nil {
		return i, fmt.Errorf("read key in table %s: %w", t.table, err)
	}
	return i, nil
}

func (t *Table) primary(subject string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attrSubject: &types.AttributeValueMemberS{Value: hashOf(subject)}}
}

var errItem = errors.New("the item is not one that this program writes")

func readItem(item map[string]types.AttributeValue) (i subjectItem, err error) {
	i.forgotten = map[string]time.Time{}
	if item == nil {
		return i, nil
	}
	version, _ := item[attrVersion].(*types.AttributeValueMemberN)
	gone, _ := item[attrForgotten].(*types.AttributeValueMemberM)
	if version == nil || gone == nil {
		return i, errItem
	}
	if i.version, err = strconv.ParseInt(version.Value, 10, 64); err != nil || i.version < 1 {
		return i, errItem
	}
	for id, value := range gone.Value {
		text, _ := value.(*types.AttributeValueMemberS)
		if text == nil {
			return i, errItem
		}
		if i.forgotten[id], err = time.Parse(time.RFC3339Nano, text.Value); err != nil {
			return i, errItem
		}
	}
	if id, has := item[attrKeyID].(*types.AttributeValueMemberS); has {
		secret, _ := item[attrSecret].(*types.AttributeValueMemberB)
		wrapped, _ := item[attrWrapped].(*types.AttributeValueMemberB)
		switch {
		case wrapped != nil && len(wrapped.Value) > 0:
			i.wrapped = wrapped.Value
		case secret != nil && len(secret.Value) == len(i.key.Secret):
			copy(i.key.Secret[:], secret.Value)
		default:
			return i, errItem
		}
		i.key.ID = id.Value
	}
	return i, nil
}

// errRace says that another process changed the item meanwhile.
var errRace = errors.New("another process changes the subject's keys")

// write replaces the item that has the version, or makes the first.
func (t *Table) write(ctx context.Context, subject string, i subjectItem) error {
	item := t.primary(subject)
	item[attrVersion] = &types.AttributeValueMemberN{Value: strconv.FormatInt(i.version+1, 10)}
	gone := map[string]types.AttributeValue{}
	for id, at := range i.forgotten {
		gone[id] = &types.AttributeValueMemberS{Value: at.UTC().Format(time.RFC3339Nano)}
	}
	item[attrForgotten] = &types.AttributeValueMemberM{Value: gone}
	if i.key.ID != "" {
		item[attrKeyID] = &types.AttributeValueMemberS{Value: i.key.ID}
		if i.wrapped != nil {
			item[attrWrapped] = &types.AttributeValueMemberB{Value: i.wrapped}
		} else {
			item[attrSecret] = &types.AttributeValueMemberB{Value: i.key.Secret[:]}
		}
	}
	in := &dynamodb.PutItemInput{TableName: &t.table, Item: item,
		ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if i.version > 0 {
		in.ConditionExpression = aws.String("version = :v")
		in.ExpressionAttributeValues = map[string]types.AttributeValue{
			":v": &types.AttributeValueMemberN{Value: strconv.FormatInt(i.version, 10)},
		}
	}
	_, err := t.client.PutItem(ctx, in)
	var refused *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &refused):
		return errRace
	case err != nil:
		return fmt.Errorf("write key in table %s: %w", t.table, err)
	}
	return nil
}

// maxRaces is how often a change is tried again that another process was faster with.
const maxRaces = 10

// Current is the subject's key.
func (t *Table) Current(ctx context.Context, subject string) (Key, error) {
	for range maxRaces {
		i, err := t.read(ctx, subject)
		if err != nil {
			return Key{}, err
		}
		if i.key.ID != "" {
			return t.open(ctx, subject, i)
		}
		i.key = newKey()
		if t.wrapper != nil {
			if i.key.Secret, i.wrapped, err = t.wrapper.Make(ctx, t.purpose(subject, i.key.ID)); err != nil {
				return Key{}, err
			}
		}
		if err = t.write(ctx, subject, i); !errors.Is(err, errRace) {
			return i.key, err
		}
	}
	return Key{}, errRace
}

// Find is the subject's key, if it has this id.
func (t *Table) Find(ctx context.Context, subject, id string) (Key, error) {
	i, err := t.read(ctx, subject)
	if err != nil {
		return Key{}, err
	}
	if _, gone := i.forgotten[id]; gone {
		return Key{}, fmt.Errorf("key %s: %w", id, event.ErrForgotten)
	}
	if i.key.ID != id {
		return Key{}, unknown(id)
	}
	return t.open(ctx, subject, i)
}

var errWrapped = errors.New("the key is wrapped by AWS KMS, and the key store is opened without a KMS key")

// open is the item's key, with its secret. An error says nothing about the key: it is neither forgotten nor unknown.
func (t *Table) open(ctx context.Context, subject string, i subjectItem) (Key, error) {
	switch {
	case i.wrapped == nil: // it was made without a wrapper
		return i.key, nil
	case t.wrapper == nil:
		return Key{}, fmt.Errorf("read key in table %s: %w", t.table, errWrapped)
	}
	var err error
	i.key.Secret, err = t.wrapper.Unwrap(ctx, i.wrapped, t.purpose(subject, i.key.ID))
	return i.key, err
}

// purpose is what a secret is for. The subject is a hash, as AWS logs it.
func (t *Table) purpose(subject, key string) map[string]string {
	return map[string]string{"table": t.table, "subject": hashOf(subject), "key": key}
}

// Forget deletes the subject's key.
func (t *Table) Forget(ctx context.Context, subject string) ([]Forgotten, error) {
	for range maxRaces {
		i, err := t.read(ctx, subject)
		if err != nil {
			return nil, err
		}
		if i.key.ID != "" {
			i.forgotten[i.key.ID], i.key, i.wrapped = time.Now(), Key{}, nil
			err = t.write(ctx, subject, i)
			if errors.Is(err, errRace) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		var all []Forgotten
		for id, at := range i.forgotten {
			all = append(all, Forgotten{id, at.UTC()})
		}
		return all, nil
	}
	return nil, errRace
}

// Create makes the table where it is missing, for a laptop and for tests. It has no recovery to a point in time, and is
// to have none.
func (t *Table) Create(ctx context.Context) error {
	_, err := t.client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &t.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(attrSubject), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String(attrSubject), KeyType: types.KeyTypeHash}},
	})
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("create table %s: %w", t.table, err)
	}
	return nil
}
