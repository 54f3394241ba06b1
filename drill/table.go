package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"event-processing-service/internal/event"
)

type item = map[string]types.AttributeValue

// copyTable reads all items of the drill's table.
func (w *world) copyTable(ctx context.Context) (items []item, err error) {
	pages := dynamodb.NewScanPaginator(w.tables, &dynamodb.ScanInput{TableName: &w.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("copy the table: %w", err)
		}
		items = append(items, page.Items...)
	}
	return items, nil
}

// maxWrites is DynamoDB's limit of one request.
const maxWrites = 25

// putItems writes them into a table.
func (w *world) putItems(ctx context.Context, table string, items []item) error {
	var left []types.WriteRequest
	for _, i := range items {
		left = append(left, types.WriteRequest{PutRequest: &types.PutRequest{Item: i}})
	}
	for len(left) > 0 {
		n := min(len(left), maxWrites)
		out, err := w.tables.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{table: left[:n]},
		})
		if err != nil {
			return fmt.Errorf("write the copy into table %s: %w", table, err)
		}
		left = append(left[n:], out.UnprocessedItems[table]...)
	}
	return nil
}

// keptOutcomes are those of the items that have one, and when they had it. What was only begun is worked on again.
func keptOutcomes(items []item) (map[event.Identity]time.Time, error) {
	kept := map[event.Identity]time.Time{}
	for _, i := range items {
		if text(i, "status") == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, text(i, "at"))
		if err != nil {
			return nil, fmt.Errorf("read the time of an outcome: %w", err)
		}
		kept[event.Identity{Source: text(i, "source"), ID: text(i, "id")}] = at
	}
	return kept, nil
}

func text(i item, name string) string {
	s, is := i[name].(*types.AttributeValueMemberS)
	if !is {
		return ""
	}
	return s.Value
}
