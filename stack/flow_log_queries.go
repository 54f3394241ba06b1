package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const flowLogTable = "flow_logs"

func flowLogDatabase(name string) string { return queryDatabase(name, "network") }

// flowLogColumns are the columns of flow logs of version 2, as AWS writes them to Parquet.
var flowLogColumns = []column{
	{"version", "int"}, {"account_id", "string"}, {"interface_id", "string"}, {"srcaddr", "string"},
	{"dstaddr", "string"}, {"srcport", "int"}, {"dstport", "int"}, {"protocol", "bigint"}, {"packets", "bigint"},
	{"bytes", "bigint"}, {"start", "bigint"}, {"end", "bigint"}, {"action", "string"}, {"log_status", "string"},
}

// refusedQuery lists whose traffic was refused most on one day. It reads only the folders of that day.
func refusedQuery(database string) string {
	return fmt.Sprintf(`SELECT srcaddr, dstaddr, dstport, count(*) AS times, min(from_unixtime(start)) AS first_seen
FROM %s.%s
WHERE year = year(current_date) AND month = month(current_date) AND day = day(current_date) AND action = 'REJECT'
GROUP BY srcaddr, dstaddr, dstport
ORDER BY times DESC
LIMIT 100`, database, flowLogTable)
}

// flowLogQueries makes a table over the flow logs, with a saved query.
func (n *Network) flowLogQueries(ctx *pulumi.Context, args networkArgs, bucket *s3.BucketV2) error {
	child := pulumi.Parent(n)
	database, err := glue.NewCatalogDatabase(ctx, "network", &glue.CatalogDatabaseArgs{
		Name: pulumi.String(flowLogDatabase(args.Name)), Description: pulumi.String("Who talked to whom in " + args.Name),
	}, child)
	if err != nil {
		return fmt.Errorf("create database of flow logs: %w", err)
	}
	table, err := newQueriedTable(ctx, database, queriedTable{
		name: flowLogTable, format: parquet, columns: flowLogColumns,
		root: pulumi.Sprintf("s3://%s/AWSLogs/aws-account-id=%s/aws-service=vpcflowlogs/aws-region=%s/", bucket.Bucket,
			n.AccountID, args.Region),
		folders: "year=${year}/month=${month}/day=${day}/hour=${hour}/",
		keys: []tableKey{numbers("year", 2026, 2045, 4), numbers("month", 1, 12, 2), numbers("day", 1, 31, 2),
			numbers("hour", 0, 23, 2)},
	}, child)
	if err != nil {
		return err
	}
	return saveQuery(ctx, args.Name, tableQuery{"refused-today",
		"Who was refused most today, by a security group or a list", refusedQuery(flowLogDatabase(args.Name))},
		database, nil, child, table)
}
