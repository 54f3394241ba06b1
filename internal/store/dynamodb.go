package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"event-processing-service/internal/event"
)

const (
	// A write takes about 5 ms. A try that takes a second has met a broken connection, and a new one is the better bet.
	tryTimeout = time.Second
	// Three tries with short pauses end within 4 s, inside of what the processor keeps for its last writes. Beyond that the
	// caller decides: the processor lets Kafka deliver again, the API answers 503.
	maxTries      = 3
	maxTryBackoff = 300 * time.Millisecond
	// As many connections as the processor has keys side by side; the SDK keeps 10, and would open and close the others
	// with a TLS handshake each.
	idleConnections = 64
	// A change that loses a race looks at the winner's entry, which as a rule decides. Ten losses in a row are a fault.
	maxRaces = 10
)

// DynamoDB remembers events in a table, one item each, for any number of processes. It is safe for concurrent use.
//
// Every change is one conditional put: on the item's absence, or on the version that was looked at. A new event costs one
// write where the record is the whole effect, two where a handler works on it. A refused put returns the item, so that
// an event which is done costs one write and no read.
type DynamoDB struct {
	client    *dynamodb.Client
	table     string
	retention time.Duration
}

// NewDynamoDB returns a store that remembers each event for retention in table. Region, credentials and endpoint are
// those of cfg.
func NewDynamoDB(cfg aws.Config, table string, retention time.Duration) *DynamoDB {
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts, s.MaxBackoff = maxTries, maxTryBackoff
		})
		if o.HTTPClient == nil {
			o.HTTPClient = awshttp.NewBuildableClient()
		}
		if c, ok := o.HTTPClient.(*awshttp.BuildableClient); ok { // else the caller brought one, and knows why
			o.HTTPClient = c.WithTimeout(tryTimeout).WithTransportOptions(func(t *http.Transport) {
				t.MaxIdleConnsPerHost = idleConnections
			})
		}
	})
	return &DynamoDB{client: client, table: table, retention: retention}
}

// Begin claims an event and counts the attempt. The error is one of the network or of DynamoDB; the claim may have been
// written all the same, and the same owner may begin again.
func (d *DynamoDB) Begin(ctx context.Context, c event.Claim) (event.Claim, error) {
	claim, err := d.apply(ctx, c, begin(c, time.Now(), d.retention))
	if err != nil {
		return event.Claim{}, fmt.Errorf("claim %s in table %s: %w", name(c.Identity), d.table, err)
	}
	return claim, nil
}

// Finish writes the outcome of a claim. The error is one of the network or of DynamoDB; the outcome may have been written
// all the same, and Finish may be called again.
func (d *DynamoDB) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Claim, error) {
	claim, err := d.apply(ctx, c, finish(c, o, time.Now(), d.retention))
	if err != nil {
		return event.Claim{}, fmt.Errorf("save outcome of %s in table %s: %w", name(c.Identity), d.table, err)
	}
	return claim, nil
}

// Outcome tells what became of an event; false means that it is not known, or not finished. It sees every outcome that was
// written before it was called.
func (d *DynamoDB) Outcome(ctx context.Context, id event.Identity) (event.Outcome, bool, error) {
	e, err := d.read(ctx, id)
	if err != nil {
		return event.Outcome{}, false, fmt.Errorf("read outcome of %s in table %s: %w", name(id), d.table, err)
	}
	if e = living(e, time.Now()); e == nil || e.outcome.Status == event.StatusUnfinished {
		return event.Outcome{}, false, nil
	}
	e.outcome.Identity = id
	return e.outcome, true, nil
}

// neverKey is of no event: the key of each has a space or a colon in it.
const neverKey = "check"

// Check fails when nothing could be read now. It reads an item that is never there, as that needs no right that Outcome
// does not need, and half a read unit. A try that hangs takes a second; ctx bounds all of them.
func (d *DynamoDB) Check(ctx context.Context) error {
	_, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &d.table,
		Key:       map[string]types.AttributeValue{attrKey: text(neverKey)},
	})
	if err != nil {
		return fmt.Errorf("read from table %s: %w", d.table, err)
	}
	return nil
}

// apply makes the change that r decides on. It starts from what the caller's claim says of the entry, which is most often
// right and saves a read; if not, the put is refused with the entry as it is.
func (d *DynamoDB) apply(ctx context.Context, c event.Claim, r rule) (event.Claim, error) {
	old, err := d.presume(ctx, c)
	if err != nil {
		return event.Claim{}, err
	}
	for range maxRaces {
		claim, next := r(old)
		if next == nil {
			return claim, nil
		}
		old, err = d.put(ctx, c.Identity, old, next)
		if !errors.Is(err, errRace) {
			return claim, err
		}
	}
	return event.Claim{}, fmt.Errorf("%w %d times in a row", errRace, maxRaces)
}

// presume returns the entry as it must be if nobody has changed it since c was granted.
func (d *DynamoDB) presume(ctx context.Context, c event.Claim) (*entry, error) {
	switch {
	case c.Version == 0:
		return nil, nil // never granted: as a rule the event is new
	case c.Hops > 0:
		return d.read(ctx, c.Identity) // a replay has an earlier outcome, which must outlive the work on it
	}
	return &entry{
		work:    work{owner: c.Owner, hops: c.Hops, attempts: c.Attempt, began: c.Began, until: c.Until, reason: c.Reason},
		version: c.Version,
		expires: time.Now().Add(d.retention),
	}, nil
}

// errRace says that the entry is not the one that was looked at.
var errRace = errors.New("changed by another consumer")

// put replaces old by next. With errRace it returns the entry that is there instead of old.
func (d *DynamoDB) put(ctx context.Context, id event.Identity, old, next *entry) (*entry, error) {
	in := &dynamodb.PutItemInput{
		TableName:                           &d.table,
		Item:                                next.item(id),
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if old != nil {
		in.ConditionExpression = aws.String("#version = :version")
		in.ExpressionAttributeNames = map[string]string{"#version": attrVersion}
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":version": number(old.version)}
	}
	_, err := d.client.PutItem(ctx, in)
	var refused *types.ConditionalCheckFailedException
	if !errors.As(err, &refused) {
		return nil, err
	}
	there, err := entryOf(refused.Item)
	if err != nil {
		return nil, err
	}
	return there, errRace
}

func (d *DynamoDB) read(ctx context.Context, id event.Identity) (*entry, error) {
	out, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &d.table,
		Key:            map[string]types.AttributeValue{attrKey: text(partitionKey(id))},
		ConsistentRead: aws.Bool(true), // an outcome must be seen by the client that has just been told of it
	})
	if err != nil {
		return nil, err
	}
	return entryOf(out.Item)
}
