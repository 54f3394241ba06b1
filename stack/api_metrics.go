package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// apiNamespace is the namespace of the API's own metrics. The collector beside the API writes them. The API has the
// names and labels below, too; a test compares them with the metrics that it registers.
const apiNamespace = ownNamespace + "/API"

const (
	scrapeInterval = "60s" // the finest resolution that costs no more
	mostClients    = 50
)

// metricsConfig chooses the API's own metrics in CloudWatch. CloudWatch charges 0.30 USD a month for each combination
// of a name and the values of its dimensions. So names and values are a closed list: otherwise anybody who adds a
// label, or a client that sends new values of one, would decide about the bill.
type metricsConfig struct {
	Enabled bool `json:"enabled,omitempty"`
	// Clients are the clients whose requests are counted by name, with a metric each.
	Clients []string `json:"clients,omitempty"`
}

// apiMetric is a line of the allow-list. With Label there is one metric for each of Values and for no other value.
// Without Label there is one metric over everything.
type apiMetric struct {
	Name, Label string
	Values      []string
}

// refusals are the reasons for which the service failed, and not its client.
var refusals = []string{"event-too-large", "kafka-refuses", "not-sent", "outcome-unknown"}

// apiMetrics are only counters and gauges: of a histogram, the exporter would send totals since the start as if they
// were of the last minute. Metrics of the balancer and of the brokers have the times.
func (c metricsConfig) apiMetrics() []apiMetric {
	list := []apiMetric{
		{Name: "events_accepted_total"},
		{Name: "events_rejected_total"},
		{Name: "events_rejected_total", Label: "reason", Values: refusals},
		{Name: "kafka_producer_buffered_records"},
		{Name: "http_server_active_requests"},
		{Name: "process_resident_memory_bytes"},
		{Name: "rate_limit_fallbacks_total"}, // a stack without a cache does not have it, and does not pay for it
	}
	if len(c.Clients) > 0 {
		list = append(list, apiMetric{Name: "api_client_requests_total", Label: "client", Values: c.Clients})
	}
	return list
}

// ownAPIMetric is one of the API's own metrics, over all of its tasks.
func ownAPIMetric(c config, name, stat string) metric {
	return metric{apiNamespace, name, stat, map[string]string{"ServiceName": c.Name + "-api"}}
}

func (c metricsConfig) validate(f *findings) {
	f.require(len(c.Clients) == 0 || c.Enabled, "metrics.clients", "is set, and metrics.enabled is not")
	f.require(len(c.Clients) <= mostClients, "metrics.clients", "has %d clients, more than %d: each is 0.30 USD a month",
		len(c.Clients), mostClients)
	seen := map[string]bool{}
	for _, name := range c.Clients {
		f.require(clientPattern.MatchString(name), "metrics.clients", "must be names of clients, like shop, is %q", name)
		f.require(!seen[name], "metrics.clients", "lists %s twice", name)
		seen[name] = true
	}
}

// clientPattern matches what CloudWatch accepts as a dimension's value and what is no pattern in the collector's list.
var clientPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// metricsReceiver scrapes the API, and drops all metrics but those of the list.
//
// Source: the README of the collector's prometheusreceiver, and Prometheus's own documentation of scrape_config.
func (c metricsConfig) metricsReceiver(name string) map[string]any {
	type object = map[string]any
	return object{"config": object{"scrape_configs": []any{object{
		"job_name": "api", "scrape_interval": scrapeInterval,
		"static_configs": []any{object{"targets": []string{fmt.Sprintf("127.0.0.1:%d", metricsPort)},
			"labels": object{"ServiceName": name + "-api"}}},
		"metric_relabel_configs": []any{object{"source_labels": []string{"__name__"}, "action": "keep",
			"regex": strings.Join(c.metricNames(), "|")}},
	}}}}
}

// metricsFilter drops metrics that the receiver itself adds, like up.
func (c metricsConfig) metricsFilter() map[string]any {
	return map[string]any{"metrics": map[string]any{"include": map[string]any{"match_type": "strict",
		"metric_names": c.metricNames()}}}
}

// metricsExporter writes log lines from which CloudWatch extracts the metrics that are declared here.
//
// Source: the README of the collector's awsemfexporter.
func (c metricsConfig) metricsExporter(region, logGroup string) map[string]any {
	type object = map[string]any
	var declared []object
	for _, m := range c.apiMetrics() {
		d := object{"dimensions": [][]string{{"ServiceName"}}, "metric_name_selectors": []string{"^" + m.Name + "$"}}
		if m.Label != "" {
			d["dimensions"] = [][]string{{"ServiceName", m.Label}}
			d["label_matchers"] = []object{{"label_names": []string{m.Label},
				"regex": "^(" + strings.Join(m.Values, "|") + ")$"}}
		}
		declared = append(declared, d)
	}
	return object{"region": region, "namespace": apiNamespace, "log_group_name": logGroup, "log_stream_name": "api",
		"dimension_rollup_option": "NoDimensionRollup", "metric_declarations": declared}
}

func (c metricsConfig) metricNames() (names []string) {
	for _, m := range c.apiMetrics() {
		if len(names) == 0 || names[len(names)-1] != m.Name {
			names = append(names, m.Name)
		}
	}
	return names
}

// apiRow draws all of the API's own metrics.
func (p *page) apiRow(c config) {
	of := func(name, stat string) metric { return ownAPIMetric(c, name, stat) }
	with := func(name, label, value string) metric {
		m := of(name, "Sum")
		m.Dimensions[label] = value
		return m
	}
	var refused, clients []metric
	for _, reason := range refusals {
		refused = append(refused, with("events_rejected_total", "reason", reason))
	}
	widgets := []widget{
		p.chart("Events taken and refused, a minute", of("events_accepted_total", "Sum"), of("events_rejected_total", "Sum")),
		p.chart("Refused for no fault of the client's, a minute", refused...),
		p.chart("Waiting, a task: records for Kafka, requests", of("kafka_producer_buffered_records", "Maximum"),
			of("http_server_active_requests", "Maximum")),
		p.chart("Bytes of memory, a task", of("process_resident_memory_bytes", "Maximum")),
	}
	for _, name := range c.Metrics.Clients {
		clients = append(clients, with("api_client_requests_total", "client", name))
	}
	if len(clients) > 0 {
		widgets = append(widgets, p.chart("Requests by client, a minute", clients...))
	}
	p.row("What does the API say of itself?", widgets...)
}

// newMetricsLog makes the log group of the metrics and returns its name and ARN, which are empty without metrics.
func newMetricsLog(ctx *pulumi.Context, args serviceArgs, child pulumi.ResourceOption) (name, arn pulumi.StringOutput,
	err error) {
	none := pulumi.String("").ToStringOutput()
	if !args.Settings.Metrics.Enabled {
		return none, none, nil
	}
	logs, err := cloudwatch.NewLogGroup(ctx, "api-metrics", &cloudwatch.LogGroupArgs{
		Name: pulumi.Sprintf("/ecs/%s-api-service/metrics", args.Name), RetentionInDays: pulumi.Int(args.Retention.LogDays),
		KmsKeyId: args.Key.ID(),
	}, child)
	if err != nil {
		return none, none, fmt.Errorf("create log group of metrics: %w", err)
	}
	return logs.Name, logs.Arn, nil
}

// writeMetrics are the rights of the collector on the log group of the metrics; none without metrics.
func writeMetrics(logGroup string) []statement {
	if logGroup == "" {
		return nil
	}
	return []statement{allow("Metrics", []string{logGroup + ":*"}, "logs:CreateLogStream", "logs:PutLogEvents")}
}
