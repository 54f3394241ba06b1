package main

import (
	"slices"
	"strings"
	"testing"
)

// AWS's own layout of Hive-compatible hours; the table computes each folder from it.
func TestTheTableOfFlowLogsFindsTheFoldersThatTheLogIsWrittenTo(t *testing.T) {
	for _, stack := range []string{"dev", "staging", "prod"} {
		g := recorded(t, stack, false)
		log, table := find(t, g, "ec2.FlowLog", "vpc"), find(t, g, "glue.CatalogTable", "flow_logs")
		for _, setting := range []string{"hiveCompatiblePartitions", "perHourPartition"} {
			if !log.Is("destinationOptions", setting) {
				t.Errorf("%s: the log is written without %s", stack, setting)
			}
		}
		template := table.Text("parameters", "storage.location.template")
		bucket := find(t, g, "s3.BucketV2", "flow-logs").Text("bucket")
		const hour = "/AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/" +
			"year=${year}/month=${month}/day=${day}/hour=${hour}/"
		if template != "s3://"+bucket+hour {
			t.Errorf("%s: the table looks in %s", stack, template)
		}
		for _, key := range table.At("partitionKeys").ArrayValue() {
			name := key.ObjectValue()["name"].StringValue()
			if table.Text("parameters", "projection."+name+".type") != "integer" || !strings.Contains(template, "${"+name+"}") {
				t.Errorf("%s: Athena can't compute %s", stack, name)
			}
		}
	}
}

func TestTheSavedQueryNamesColumnsThatTheTableHas(t *testing.T) {
	known := []string{"year", "month", "day"}
	for _, c := range flowLogColumns {
		known = append(known, c.name)
	}
	query := refusedQuery("db")
	_, grouped, _ := strings.Cut(query, "GROUP BY ")
	grouped, _, _ = strings.Cut(grouped, "\n")
	for _, column := range append(strings.Split(grouped, ", "), "start", "action", "year", "month", "day") {
		if !slices.Contains(known, column) || !strings.Contains(query, column) {
			t.Errorf("the query asks for %s", column)
		}
	}
}
