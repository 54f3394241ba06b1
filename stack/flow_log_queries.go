package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/athena"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const flowLogTable = "flow_logs"

// flowLogDatabase is the Glue database's name: SQL knows no dashes.
func flowLogDatabase(name string) string { return strings.ReplaceAll(name, "-", "_") + "_network" }

// flowLogColumns are those of a flow log's version 2, as AWS writes them to Parquet; types are Hive's.
var flowLogColumns = []struct{ name, kind string }{
	{"version", "int"}, {"account_id", "string"}, {"interface_id", "string"}, {"srcaddr", "string"},
	{"dstaddr", "string"}, {"srcport", "int"}, {"dstport", "int"}, {"protocol", "bigint"}, {"packets", "bigint"},
	{"bytes", "bigint"}, {"start", "bigint"}, {"end", "bigint"}, {"action", "string"}, {"log_status", "string"},
}

// flowLogHours are the folders of an hour. Athena computes them, so nobody has to add partitions to the table.
var flowLogHours = []struct{ name, values, digits string }{
	{"year", "2026,2045", "4"}, {"month", "1,12", "2"}, {"day", "1,31", "2"}, {"hour", "0,23", "2"},
}

// refusedQuery tells who was refused most on one day. It reads what is below one day's folders.
func refusedQuery(database string) string {
	return fmt.Sprintf(`SELECT srcaddr, dstaddr, dstport, count(*) AS times, min(from_unixtime(start)) AS first_seen
FROM %s.%s
WHERE year = year(current_date) AND month = month(current_date) AND day = day(current_date) AND action = 'REJECT'
GROUP BY srcaddr, dstaddr, dstport
ORDER BY times DESC
LIMIT 100`, database, flowLogTable)
}

// flowLogQueries make the flow logs a table, with a saved query. Both cost nothing until somebody asks.
func (n *Network) flowLogQueries(ctx *pulumi.Context, args networkArgs, bucket *s3.BucketV2) error {
	child := pulumi.Parent(n)
	database, err := glue.NewCatalogDatabase(ctx, "network", &glue.CatalogDatabaseArgs{
		Name: pulumi.String(flowLogDatabase(args.Name)), Description: pulumi.String("Who talked to whom in " + args.Name),
	}, child)
	if err != nil {
		return fmt.Errorf("create database of flow logs: %w", err)
	}
	root := pulumi.Sprintf("s3://%s/AWSLogs/aws-account-id=%s/aws-service=vpcflowlogs/aws-region=%s/", bucket.Bucket,
		n.AccountID, args.Region)
	parameters := pulumi.StringMap{
		"EXTERNAL": pulumi.String("TRUE"), "classification": pulumi.String("parquet"),
		"projection.enabled":        pulumi.String("true"),
		"storage.location.template": pulumi.Sprintf("%syear=${year}/month=${month}/day=${day}/hour=${hour}/", root),
	}
	var hours glue.CatalogTablePartitionKeyArray
	for _, part := range flowLogHours {
		parameters["projection."+part.name+".type"] = pulumi.String("integer")
		parameters["projection."+part.name+".range"] = pulumi.String(part.values)
		parameters["projection."+part.name+".digits"] = pulumi.String(part.digits)
		hours = append(hours, &glue.CatalogTablePartitionKeyArgs{Name: pulumi.String(part.name),
			Type: pulumi.String("int")})
	}
	var columns glue.CatalogTableStorageDescriptorColumnArray
	for _, c := range flowLogColumns {
		columns = append(columns, &glue.CatalogTableStorageDescriptorColumnArgs{Name: pulumi.String(c.name),
			Type: pulumi.String(c.kind)})
	}
	const parquet = "org.apache.hadoop.hive.ql.io.parquet."
	table, err := glue.NewCatalogTable(ctx, flowLogTable, &glue.CatalogTableArgs{
		Name: pulumi.String(flowLogTable), DatabaseName: database.Name, TableType: pulumi.String("EXTERNAL_TABLE"),
		Parameters: parameters, PartitionKeys: hours,
		StorageDescriptor: &glue.CatalogTableStorageDescriptorArgs{
			Location: root, Columns: columns,
			InputFormat:  pulumi.String(parquet + "MapredParquetInputFormat"),
			OutputFormat: pulumi.String(parquet + "MapredParquetOutputFormat"),
			SerDeInfo: &glue.CatalogTableStorageDescriptorSerDeInfoArgs{
				SerializationLibrary: pulumi.String(parquet + "serde.ParquetHiveSerDe"),
			},
		},
	}, child)
	if err != nil {
		return fmt.Errorf("create table of flow logs: %w", err)
	}
	if _, err := athena.NewNamedQuery(ctx, "refused-today", &athena.NamedQueryArgs{
		Name:        pulumi.String(args.Name + "-refused-today"),
		Description: pulumi.String("Who was refused most today, by a security group or a list"),
		Database:    database.Name, Query: pulumi.String(refusedQuery(flowLogDatabase(args.Name))),
	}, child, pulumi.DependsOn([]pulumi.Resource{table})); err != nil {
		return fmt.Errorf("save query of flow logs: %w", err)
	}
	return nil
}
