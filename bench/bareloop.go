package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// bareLoop writes n new items as the SDK's documentation shows it: 25 per request, one request after the other. It
// does nothing else, so it is the baseline. The items have the attributes of a processed event.
func bareLoop(ctx context.Context, client *dynamodb.Client, table string, n int, run int64) error {
	texts := []string{"source", "id", "status", "at", "type", "topic"}
	numbers := []string{"version", "expires_at", "work_hops", "work_attempts", "attempts", "hops", "partition", "offset"}
	statement := fmt.Sprintf(`INSERT INTO "%s" VALUE {'pk':?,'%s':?,'%s':?}`, table, strings.Join(texts, "':?,'"),
		strings.Join(numbers, "':?,'"))
	for from := 0; from < n; from += 25 {
		in := &dynamodb.BatchExecuteStatementInput{}
		for i := range min(25, n-from) {
			values := []types.AttributeValue{
				&types.AttributeValueMemberS{Value: fmt.Sprintf("/bench/orders %d-%d", run, from+i)}}
			for range texts {
				values = append(values, &types.AttributeValueMemberS{Value: time.Now().UTC().Format(time.RFC3339Nano)})
			}
			for range numbers {
				values = append(values, &types.AttributeValueMemberN{Value: "1770000000"})
			}
			in.Statements = append(in.Statements,
				types.BatchStatementRequest{Statement: aws.String(statement), Parameters: values})
		}
		out, err := client.BatchExecuteStatement(ctx, in)
		if err != nil {
			return fmt.Errorf("write items: %w", err)
		}
		for _, r := range out.Responses {
			if r.Error != nil {
				return fmt.Errorf("write item: %s", r.Error.Code)
			}
		}
	}
	return nil
}
