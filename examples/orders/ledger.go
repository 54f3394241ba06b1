package orders

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// errTaken says that another event has written the row.
var errTaken = errors.New("another event has paid it")

// ledger is a table in DynamoDB, whose key is order_id.
type ledger struct {
	client *dynamodb.Client
	table  string
}

func newLedger(cfg aws.Config, table string) *ledger {
	return &ledger{dynamodb.NewFromConfig(cfg), table}
}

// put writes the row of an order unless another event has: the condition and the write are one step, so two processors
// can't both pass it.
func (l *ledger) put(ctx context.Context, paid OrderPaid, by string) error {
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.table,
		Item: map[string]types.AttributeValue{
			"order_id": text(paid.OrderID), "paid_by": text(by), "currency": text(paid.Currency),
			"amount": &types.AttributeValueMemberN{Value: string(paid.Amount)},
		},
		ConditionExpression:       aws.String("attribute_not_exists(order_id) OR paid_by = :by"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":by": text(by)},
	})
	if _, taken := errors.AsType[*types.ConditionalCheckFailedException](err); taken {
		return errTaken
	}
	if err != nil {
		return fmt.Errorf("write row of order: %w", err)
	}
	return nil
}
