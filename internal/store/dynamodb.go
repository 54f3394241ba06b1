package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	// Three tries with short pauses end within 4 s, inside of what the processor keeps for its last writes. Beyond that
	// the caller decides: the processor lets Kafka deliver again, the API answers 503.
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
// Every change is one conditional put: on the item's absence, or on the version that was looked at. A new event costs
// one write where the record is the whole effect, two where a handler works on it. Changes that the claim's company
// makes at the same time share a request, of which each is a statement with its own condition and its own answer. A
// refused put returns the item, and a refused statement's is read, so that an event which is done costs one write and
// at most one read.
type DynamoDB struct {
	client    *dynamodb.Client
	table     string
	processor string // "": the first
	retention time.Duration
}

// NewDynamoDB returns a store that remembers each event for retention in table. Region, credentials and endpoint are
// those of cfg.
func NewDynamoDB(cfg aws.Config, table string, retention time.Duration) *DynamoDB {
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts, s.MaxBackoff = maxTries, maxTryBackoff
		})
		o.APIOptions = append(o.APIOptions, writeStatements)
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

// Of returns what a processor remembers in the same table; "" is the first, whose items are those of NewDynamoDB. A
// name is lower-case letters, digits and hyphens, and begins with a letter.
func (d *DynamoDB) Of(processor string) *DynamoDB {
	of := *d
	of.processor = processor
	return &of
}

func (d *DynamoDB) subject(id event.Identity) subject { return subject{id, d.processor} }

// The errors of the following are those of the network or of DynamoDB, or event.ErrUnreadable. After one of the former
// the change may have been written all the same, and the call may be repeated.

// Begin claims an event and counts the attempt.
func (d *DynamoDB) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	return d.apply(ctx, c, "claim", begin(c, time.Now(), d.retention))
}

// Renew moves the end of a lease.
func (d *DynamoDB) Renew(ctx context.Context, c event.Claim) (event.Reply, error) {
	return d.apply(ctx, c, "renew lease of", renew(c, time.Now(), d.retention))
}

// Finish writes the outcome of a claim.
func (d *DynamoDB) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	return d.apply(ctx, c, "save outcome of", finish(c, o, time.Now(), d.retention))
}

// Release ends a lease without an outcome.
func (d *DynamoDB) Release(ctx context.Context, c event.Claim, attempts int, reason string) error {
	_, err := d.apply(ctx, c, "release", release(c, attempts, reason, time.Now(), d.retention))
	return err
}

// Outcome tells what became of an event; false means that it is not known, or not finished. It sees every outcome that
// was written before it was called.
func (d *DynamoDB) Outcome(ctx context.Context, id event.Identity) (event.Outcome, bool, error) {
	e, err := d.read(ctx, id)
	if err != nil {
		return event.Outcome{}, false, fmt.Errorf("read outcome of %s in table %s: %w", name(id), d.table, err)
	}
	if e = living(e, time.Now()); e == nil || e.outcome.Status == "" {
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

// apply makes the change that r decides on. It starts from what the claim's last reply says of the entry, which is most
// often right and saves a read; if it is wrong, the put is refused with the entry as it is. doing is for the error.
func (d *DynamoDB) apply(ctx context.Context, c event.Claim, doing string, r rule) (event.Reply, error) {
	reply, err := d.change(ctx, c, r)
	if err != nil {
		return event.Reply{}, fmt.Errorf("%s %s in table %s: %w", doing, name(c.Identity), d.table, err)
	}
	return reply, nil
}

func (d *DynamoDB) change(ctx context.Context, c event.Claim, r rule) (event.Reply, error) {
	old, err := d.presume(ctx, c)
	if err != nil {
		return event.Reply{}, err
	}
	for range maxRaces {
		reply, next := r(old)
		if next == nil {
			return reply, nil
		}
		old, err = d.put(ctx, c, old, next)
		if !errors.Is(err, errRace) {
			return reply, err
		}
	}
	return event.Reply{}, fmt.Errorf("%w %d times in a row", errRace, maxRaces)
}

// presume returns the entry as it must be if nobody has changed it since c was granted.
func (d *DynamoDB) presume(ctx context.Context, c event.Claim) (*entry, error) {
	last := c.Last
	switch {
	case last.Version == 0:
		return nil, nil // never granted: as a rule the event is new
	case c.Hops > 0:
		return d.read(ctx, c.Identity) // a replay has an earlier outcome, which must outlive the work on it
	}
	return &entry{
		work: work{
			owner: c.Owner, hops: c.Hops, attempts: last.Attempt, began: last.Began, until: last.Until, reason: last.Reason,
		},
		version: last.Version,
		expires: time.Now().Add(d.retention),
	}, nil
}

// errRace says that the entry is not the one that was looked at.
var errRace = errors.New("changed by another consumer")

// put replaces old by next, together with the changes of the claim's company. With errRace it returns the entry that is
// there instead of old.
func (d *DynamoDB) put(ctx context.Context, c event.Claim, old, next *entry) (*entry, error) {
	if c.Company.Size() <= 1 {
		return d.putAlone(ctx, d.subject(c.Identity), old, next)
	}
	together, _ := c.Company.Gather(func() event.Gathering { return newGathering(c.Company, d.putTogether) }).(*gathering)
	for try := 1; ; try++ {
		a := together.put(ctx, d.subject(c.Identity), old, next)
		switch {
		case errors.Is(a.err, errAskAlone):
			return d.putAlone(ctx, d.subject(c.Identity), old, next)
		case errors.Is(a.err, errBusy) && try < maxTries && pause(ctx, rand.N(maxTryBackoff)):
		default:
			return a.there, a.err
		}
	}
}

// pause waits, and tells whether ctx has not ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// putAlone is put in a request of its own.
func (d *DynamoDB) putAlone(ctx context.Context, of subject, old, next *entry) (*entry, error) {
	in := &dynamodb.PutItemInput{
		TableName:                           &d.table,
		Item:                                next.item(of),
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
		Key:            map[string]types.AttributeValue{attrKey: text(partitionKey(d.subject(id)))},
		ConsistentRead: aws.Bool(true), // an outcome must be seen by the client that has just been told of it
	})
	if err != nil {
		return nil, err
	}
	return entryOf(out.Item)
}
