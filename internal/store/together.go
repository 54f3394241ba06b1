package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

var (
	// errAskAlone says that a request for several changes could not be made of this one. What DynamoDB says to it alone is
	// its answer: so one that can't be made harms no other.
	errAskAlone = errors.New("ask for it alone")
	// errBusy says that DynamoDB had no capacity for this statement, and may have it soon.
	errBusy = errors.New("the table is busy")
)

// putTogether asks for all changes in one request, and puts each one's answer into it.
func (d *DynamoDB) putTogether(ctx context.Context, changes []*change) {
	if len(changes) == 1 {
		c := changes[0]
		c.answer.there, c.answer.err = d.putAlone(ctx, c.of, c.old, c.next)
		return
	}
	ctx = context.WithValue(ctx, bodyKey{}, d.statements(changes))
	out, err := d.client.BatchExecuteStatement(ctx,
		&dynamodb.BatchExecuteStatementInput{Statements: []types.BatchStatementRequest{}})
	if err == nil && len(out.Responses) != len(changes) {
		err = fmt.Errorf("DynamoDB gives %d answers to %d statements", len(out.Responses), len(changes))
	}
	if err != nil {
		if isRefused(err) {
			err = errAskAlone
		}
		for _, c := range changes {
			c.answer.err = err
		}
		return
	}
	var unknown []*change // of which DynamoDB does not say what is there
	for i, c := range changes {
		failure := out.Responses[i].Error
		if failure == nil {
			continue
		}
		c.answer.there, c.answer.err = answerTo(failure)
		if errors.Is(c.answer.err, errRace) && len(failure.Item) == 0 {
			unknown = append(unknown, c)
		}
	}
	d.readTogether(ctx, unknown)
}

// isRefused tells whether a request was refused for what it asks, because of one of its statements or of all of them.
func isRefused(err error) bool {
	var response *awshttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode()/100 == 4 &&
		!retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool()
}

// answerTo reads the error of one statement.
func answerTo(failure *types.BatchStatementError) (*entry, error) {
	switch failure.Code {
	case types.BatchStatementErrorCodeEnumConditionalCheckFailed, types.BatchStatementErrorCodeEnumDuplicateItem:
		there, err := entryOf(failure.Item)
		if err != nil {
			return nil, err
		}
		return there, errRace
	case types.BatchStatementErrorCodeEnumThrottlingError, types.BatchStatementErrorCodeEnumRequestLimitExceeded,
		types.BatchStatementErrorCodeEnumProvisionedThroughputExceeded, types.BatchStatementErrorCodeEnumTransactionConflict,
		types.BatchStatementErrorCodeEnumInternalServerError:
		return nil, fmt.Errorf("%w: %s: %s", errBusy, failure.Code, aws.ToString(failure.Message))
	}
	return nil, errAskAlone
}

// readTogether completes the answers to changes that were refused because another entry is there: which one, DynamoDB
// tells of an update, and not of an insert.
func (d *DynamoDB) readTogether(ctx context.Context, changes []*change) {
	if len(changes) == 0 {
		return
	}
	keys := make([]map[string]types.AttributeValue, len(changes))
	for i, c := range changes {
		keys[i] = map[string]types.AttributeValue{attrKey: text(c.key)}
	}
	out, err := d.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		d.table: {Keys: keys, ConsistentRead: aws.Bool(true)},
	}})
	if err != nil || len(out.UnprocessedKeys) > 0 { // then which are not there can't be told from those that were not read
		for _, c := range changes {
			c.answer.err = errAskAlone
		}
		return
	}
	items := make(map[string]map[string]types.AttributeValue, len(changes))
	for _, item := range out.Responses[d.table] {
		if key, ok := item[attrKey].(*types.AttributeValueMemberS); ok {
			items[key.Value] = item
		}
	}
	for _, c := range changes {
		there, err := entryOf(items[c.key])
		if err == nil {
			err = errRace
		}
		c.answer = answer{there, err}
	}
}
