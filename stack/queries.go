package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// savedQuery is a query of logs that is ready when somebody is woken at night. API and Function say whose logs it is
// for. Saving a query costs nothing, running it 0.005 USD a GB that it reads.
type savedQuery struct {
	Name          string
	API, Function bool
	Text          string
}

var savedQueries = []savedQuery{
	{"why-requests-fail", true, false,
		"filter msg = \"request failed\"\n| stats count(*) as requests by problem, client\n| sort requests desc"},
	{"who-asks", true, false, // one request in ACCESS_LOG_ONE_IN is logged
		"filter msg = \"request\"\n| stats count(*) as requests by client, route, status\n| sort requests desc"},
	{"why-events-fail", false, true,
		"filter msg in [\"event dead-lettered\", \"event not finished\"]\n" +
			"| stats count(*) as events by msg, event_type, error\n| sort events desc"},
	{"errors-and-warnings", true, true,
		"filter level in [\"ERROR\", \"WARN\"]\n| stats count(*) as lines by level, msg\n| sort lines desc"},
	{"one-trace", true, true, // replace the id by that of an answer, a record or a log line
		"filter trace_id = \"00000000000000000000000000000000\"\n| sort @timestamp asc\n" +
			"| display @timestamp, @log, level, msg, error"},
	{"one-event", false, true,
		"filter event_id = \"ID\"\n| sort @timestamp asc\n" +
			"| display @timestamp, level, msg, event_type, attempts, error"},
}

// queries saves the queries in a folder with the stack's name.
func (o *Observability) queries(ctx *pulumi.Context, name string, api pulumi.StringInput,
	functions pulumi.StringArray) error {
	for _, q := range savedQueries {
		var groups pulumi.StringArray
		if q.API {
			groups = append(groups, api)
		}
		if q.Function {
			groups = append(groups, functions...)
		}
		if _, err := cloudwatch.NewQueryDefinition(ctx, q.Name, &cloudwatch.QueryDefinitionArgs{
			Name: pulumi.String(name + "/" + q.Name), QueryString: pulumi.String(q.Text), LogGroupNames: groups,
		}, o.child); err != nil {
			return fmt.Errorf("save query %s: %w", q.Name, err)
		}
	}
	return nil
}
