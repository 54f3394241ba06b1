package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/athena"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The tables over the archive: by hours, and of records whose clocks jump (see archive/name.go).
const (
	recordsTable = "records"
	mixedTable   = "records_mixed"
)

// recordColumns are the members of an archived line without topic and partition, which are partition keys.
var recordColumns = []column{
	{"offset", "bigint"}, {"timestamp", "bigint"}, {"key", "string"}, {"key_base64", "string"},
	{"headers", "array<struct<key:string,key_base64:string,value:string,value_base64:string>>"},
	{"value", "string"}, {"value_base64", "string"},
}

// queryGigabytes is how much one query may read: 0.05 USD at 5 a TB. Athena ends a query that reads more.
const queryGigabytes = 10

// resultsPurpose is the part of the name of the bucket of results that stands before the account.
const resultsPurpose = "archive-results"

// archiveTables are both tables over the archive below root, for topics with at most partitions partitions each.
func archiveTables(root pulumi.StringOutput, topics []string, partitions int) []queriedTable {
	topic := tableKey{column{"topic", "string"}, map[string]string{"type": "enum", "values": strings.Join(topics, ",")}}
	partition := numbers("partition", 0, partitions-1, 0)
	// A record may carry the time of tomorrow: some clock is ahead.
	date := tableKey{column{"date", "string"}, map[string]string{"type": "date", "format": "yyyy-MM-dd",
		"range": "2026-01-01,NOW+1DAYS", "interval": "1", "interval.unit": "DAYS"}}
	return []queriedTable{
		{name: recordsTable, root: root, format: jsonLines, columns: recordColumns,
			folders: "topic=${topic}/date=${date}/hour=${hour}/partition=${partition}/",
			keys:    []tableKey{topic, date, numbers("hour", 0, 23, 2), partition}},
		{name: mixedTable, root: root, format: jsonLines, columns: recordColumns,
			folders: "topic=${topic}/date=mixed/hour=mixed/partition=${partition}/", keys: []tableKey{topic, partition}},
	}
}

// header is the expression for a record's first header with a name; NULL where there is none.
func header(name string) string {
	return fmt.Sprintf("element_at(filter(headers, h -> h.key = '%s'), 1).value", name)
}

// fromArchive is the beginning of a query. It selects columns of the records of the last days from both tables. UNION
// drops the copies that overlapping objects have.
func fromArchive(database string, topics []string, days int, columns ...string) string {
	which := "topic IN ('" + strings.Join(topics, "', '") + "')"
	read := fmt.Sprintf("  SELECT topic, \"partition\", \"offset\", from_unixtime(\"timestamp\" / 1000.0) AS stored_at,\n"+
		"    %s\n  FROM %s.", strings.Join(columns, ",\n    "), database)
	return fmt.Sprintf("WITH archived AS (\n%s%s\n  WHERE %s\n    AND \"date\" >= "+
		"date_format(current_date - INTERVAL '%d' DAY, '%%Y-%%m-%%d')\n  UNION\n%s%s\n  WHERE %s\n)\n", read, recordsTable,
		which, days, read, mixedTable, which)
}

// archiveQueries are the saved queries. Users replace the days, ids and topics in them.
func archiveQueries(database string, events, letters []string) []tableQuery {
	attribute := func(name string) string { return header("ce_"+name) + " AS " + name }
	letter := func(name string) string { return header("dlq-"+name) + " AS " + strings.ReplaceAll(name, "-", "_") }
	return []tableQuery{
		{"event-life", "One event's whole life: put its id and source in. eventctl audit knows its outcome, too",
			fromArchive(database, slices.Concat(events, letters), 30, attribute("id"), attribute("source"),
				attribute("type"), letter("hops"), letter("attempts"), letter("error"), "value", "value_base64") +
				"SELECT stored_at, topic, \"partition\", \"offset\", type, hops, attempts, error, value, value_base64\n" +
				"FROM archived\nWHERE id = 'ID' AND source = 'SOURCE'\nORDER BY stored_at, topic, \"offset\""},
		{"events-by-type-and-hour", "How many events of each type came in each hour of the last week",
			fromArchive(database, events, 7, attribute("type")) +
				"SELECT date_trunc('hour', stored_at) AS hour, type, count(*) AS events\nFROM archived\n" +
				"WHERE stored_at >= current_timestamp - INTERVAL '7' DAY\n" +
				"GROUP BY date_trunc('hour', stored_at), type\nORDER BY hour DESC, events DESC"},
		{"dead-letters-by-reason", "What was given up on in the last two weeks, and why",
			fromArchive(database, letters, 14, attribute("type"), letter("error"), letter("original-topic")) +
				"SELECT type, error, original_topic, count(*) AS letters, min(stored_at) AS first_seen,\n" +
				"  max(stored_at) AS last_seen\nFROM archived\nWHERE stored_at >= current_timestamp - INTERVAL '14' DAY\n" +
				"GROUP BY type, error, original_topic\nORDER BY letters DESC"},
	}
}

// queries makes the tables over the archive, a workgroup that bounds what a query costs, and the saved queries. A query
// runs with the rights of its user.
func (a *Archive) queries(ctx *pulumi.Context, args archiveArgs) error {
	results, _, err := newBucket(ctx, bucketArgs{Name: args.Name, Purpose: resultsPurpose, Protect: args.Protect,
		AccountID: args.AccountID, Region: args.Region, Key: args.Key, KeepDays: 7}, a.child)
	if err != nil {
		return err
	}
	encrypted := &athena.WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs{
		EncryptionOption: pulumi.String("SSE_S3")}
	if key := args.Key.ID(); key != nil {
		encrypted.EncryptionOption, encrypted.KmsKeyArn = pulumi.String("SSE_KMS"), key
	}
	workgroup, err := athena.NewWorkgroup(ctx, "archive", &athena.WorkgroupArgs{
		Name: pulumi.String(args.Name + "-archive"), Description: pulumi.String("Questions to the archive"),
		ForceDestroy: pulumi.Bool(true), // its saved queries are of this program
		Configuration: &athena.WorkgroupConfigurationArgs{
			EnforceWorkgroupConfiguration: pulumi.Bool(true), BytesScannedCutoffPerQuery: pulumi.Int(queryGigabytes * 1e9),
			PublishCloudwatchMetricsEnabled: pulumi.Bool(false),
			EngineVersion: &athena.WorkgroupConfigurationEngineVersionArgs{
				SelectedEngineVersion: pulumi.String("Athena engine version 3")},
			ResultConfiguration: &athena.WorkgroupConfigurationResultConfigurationArgs{
				OutputLocation: pulumi.Sprintf("s3://%s/", results.Bucket), EncryptionConfiguration: encrypted},
		},
	}, a.child)
	if err != nil {
		return fmt.Errorf("create workgroup of the archive: %w", err)
	}
	name := queryDatabase(args.Name, "archive")
	database, err := glue.NewCatalogDatabase(ctx, "archive", &glue.CatalogDatabaseArgs{Name: pulumi.String(name),
		Description: pulumi.String("Every record of " + args.Name)}, a.child)
	if err != nil {
		return fmt.Errorf("create database of the archive: %w", err)
	}
	var tables []pulumi.Resource
	topics := slices.Concat(args.Events, args.Letters)
	for _, t := range archiveTables(pulumi.Sprintf("%s/archive/v1/", a.URL), topics, args.Partitions) {
		table, err := newQueriedTable(ctx, database, t, a.child)
		if err != nil {
			return err
		}
		tables = append(tables, table)
	}
	for _, q := range archiveQueries(name, args.Events, args.Letters) {
		if err := saveQuery(ctx, args.Name, q, database, workgroup.Name, a.child, tables...); err != nil {
			return err
		}
	}
	return nil
}
