package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// CreateTable creates the table where it is missing and turns its TTL on, for a laptop and for tests; in AWS the stack
// does. It may be called again, and by several
// processes at once. It returns when the table can be used, and tells whether it made it.
func (d *DynamoDB) CreateTable(ctx context.Context) (created bool, err error) {
	_, err = d.client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &d.table,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(attrKey), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema:   []types.KeySchemaElement{{AttributeName: aws.String(attrKey), KeyType: types.KeyTypeHash}},
		BillingMode: types.BillingModePayPerRequest,
	})
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return false, fmt.Errorf("create table %s: %w", d.table, err)
	}
	created = err == nil
	waiter := dynamodb.NewTableExistsWaiter(d.client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 2*time.Second // DynamoDB takes about 10 s, DynamoDB Local none
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &d.table}, time.Minute); err != nil {
		return created, fmt.Errorf("wait for table %s: %w", d.table, err)
	}
	return created, d.expire(ctx)
}

// expire turns the table's TTL on.
func (d *DynamoDB) expire(ctx context.Context) error {
	if on, err := d.expires(ctx); on || err != nil {
		return err
	}
	_, err := d.client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &d.table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(attrExpires), Enabled: aws.Bool(true),
		},
	})
	if err != nil {
		if on, _ := d.expires(ctx); on {
			return nil // another process was faster; DynamoDB calls that a validation error, without a type of its own
		}
		return fmt.Errorf("turn on TTL of table %s: %w", d.table, err)
	}
	return nil
}

// expires tells whether the table's TTL is on, or about to be.
func (d *DynamoDB) expires(ctx context.Context) (bool, error) {
	out, err := d.client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &d.table})
	if err != nil {
		return false, fmt.Errorf("describe TTL of table %s: %w", d.table, err)
	}
	status := out.TimeToLiveDescription.TimeToLiveStatus
	return status == types.TimeToLiveStatusEnabled || status == types.TimeToLiveStatusEnabling, nil
}
