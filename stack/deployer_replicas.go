package main

import "event-processing-service/stack/review"

// replicaRights are on a table and on its replicas in other regions. DynamoDB fills a new replica with the deployer's
// rights.
func replicaRights(table review.Registration, region, account string) []deployerRight {
	replicas := table.At("replicas")
	if !replicas.IsArray() {
		return nil
	}
	in := func(region string) string {
		return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + table.Text("name")
	}
	arns := []string{in(region)}
	for _, r := range replicas.ArrayValue() {
		arns = append(arns, in(r.ObjectValue()["regionName"].StringValue()))
	}
	actions := []string{"dynamodb:BatchWriteItem", "dynamodb:CreateTable", "dynamodb:CreateTableReplica",
		"dynamodb:DeleteItem", "dynamodb:DeleteTable", "dynamodb:DeleteTableReplica",
		"dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:GetItem",
		"dynamodb:ListTagsOfResource", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:TagResource",
		"dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateItem", "dynamodb:UpdateTable"}
	return []deployerRight{{"Replicas", []string{"dynamodb.Table"}, actions, arns, nil}}
}
