package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"event-processing-service/internal/event"
)

// ForgetReason puts event.ReasonForgotten in the place of an outcome's error, whose text may quote the event's data,
// and tells whether there was one. The outcome stays: a copy of the event is still dropped.
func (d *DynamoDB) ForgetReason(ctx context.Context, id event.Identity) (changed bool, err error) {
	_, err = d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.table,
		Key:       map[string]types.AttributeValue{attrKey: text(partitionKey(d.subject(id)))},
		// The version grows, as with every change: whoever has looked at the entry before looks again.
		UpdateExpression:    aws.String("SET #reason = :forgotten, #version = #version + :one REMOVE #work"),
		ConditionExpression: aws.String("#status = :dead AND #reason <> :forgotten"),
		ExpressionAttributeNames: map[string]string{
			"#reason": attrReason, "#version": attrVersion, "#work": attrWorkReason, "#status": attrStatus,
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":forgotten": text(event.ReasonForgotten), ":one": number(1), ":dead": text(string(event.StatusDeadLettered)),
		},
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("forget reason of %s in table %s: %w", name(id), d.table, err)
	}
	return true, nil
}
