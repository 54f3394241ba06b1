package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/athena"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// queriedTable is an Athena table over the objects of a bucket. It costs nothing until somebody queries it.
type queriedTable struct {
	name    string
	root    pulumi.StringOutput // s3://…/, below which its objects lie
	folders string              // below root, with ${KEY} for each key
	keys    []tableKey
	columns []column
	format  tableFormat
}

// column is a column of a table; its type is one of Hive's.
type column struct{ name, kind string }

// tableKey is a partition key. Athena computes the folders of partitions, so that nobody has to add them to the table.
type tableKey struct {
	column
	projection map[string]string // how, as Athena's parameters without the key's name
}

// numbers is a key with the integers from one value to another, padded to a number of digits; 0: not padded.
func numbers(name string, from, to, digits int) tableKey {
	how := map[string]string{"type": "integer", "range": fmt.Sprintf("%d,%d", from, to)}
	if digits > 0 {
		how["digits"] = fmt.Sprint(digits)
	}
	return tableKey{column{name, "int"}, how}
}

// tableFormat is the format of a table's objects.
type tableFormat struct{ classification, input, output, serde string }

var (
	parquet = tableFormat{"parquet", "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
		"org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
		"org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}
	jsonLines = tableFormat{"json", "org.apache.hadoop.mapred.TextInputFormat",
		"org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat", "org.openx.data.jsonserde.JsonSerDe"}
)

// queryDatabase is the name of a Glue database of the stack, without dashes, which SQL does not allow.
func queryDatabase(name, of string) string { return strings.ReplaceAll(name, "-", "_") + "_" + of }

func newQueriedTable(ctx *pulumi.Context, database *glue.CatalogDatabase, t queriedTable,
	child pulumi.ResourceOption) (*glue.CatalogTable, error) {
	parameters := pulumi.StringMap{
		"EXTERNAL": pulumi.String("TRUE"), "classification": pulumi.String(t.format.classification),
		"projection.enabled":        pulumi.String("true"),
		"storage.location.template": pulumi.Sprintf("%s%s", t.root, t.folders),
	}
	var keys glue.CatalogTablePartitionKeyArray
	for _, key := range t.keys {
		for what, value := range key.projection {
			parameters["projection."+key.name+"."+what] = pulumi.String(value)
		}
		keys = append(keys, &glue.CatalogTablePartitionKeyArgs{Name: pulumi.String(key.name),
			Type: pulumi.String(key.kind)})
	}
	var columns glue.CatalogTableStorageDescriptorColumnArray
	for _, c := range t.columns {
		columns = append(columns, &glue.CatalogTableStorageDescriptorColumnArgs{Name: pulumi.String(c.name),
			Type: pulumi.String(c.kind)})
	}
	table, err := glue.NewCatalogTable(ctx, t.name, &glue.CatalogTableArgs{
		Name: pulumi.String(t.name), DatabaseName: database.Name, TableType: pulumi.String("EXTERNAL_TABLE"),
		Parameters: parameters, PartitionKeys: keys,
		StorageDescriptor: &glue.CatalogTableStorageDescriptorArgs{
			Location: t.root, Columns: columns,
			InputFormat: pulumi.String(t.format.input), OutputFormat: pulumi.String(t.format.output),
			SerDeInfo: &glue.CatalogTableStorageDescriptorSerDeInfoArgs{
				SerializationLibrary: pulumi.String(t.format.serde),
			},
		},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", t.name, err)
	}
	return table, nil
}

// tableQuery is a saved query of tables.
type tableQuery struct{ name, description, text string }

// saveQuery saves a query as NAME-query, in a workgroup; nil is the account's primary one.
func saveQuery(ctx *pulumi.Context, name string, q tableQuery, database *glue.CatalogDatabase,
	workgroup pulumi.StringPtrInput, child pulumi.ResourceOption, tables ...pulumi.Resource) error {
	if _, err := athena.NewNamedQuery(ctx, q.name, &athena.NamedQueryArgs{
		Name: pulumi.String(name + "-" + q.name), Description: pulumi.String(q.description),
		Database: database.Name, Query: pulumi.String(q.text), Workgroup: workgroup,
	}, child, pulumi.DependsOn(tables)); err != nil {
		return fmt.Errorf("save query %s: %w", q.name, err)
	}
	return nil
}
