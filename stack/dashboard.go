package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// shown are names in the queries of the dashboard. Most of them only a deployment knows.
type shown struct {
	LoadBalancer, TargetGroup string
	Table                     string
	APILog, ProcessorLog      string // log groups
}

// dashboard is the body of a CloudWatch dashboard. It has the headings of the local dashboard
// (observability/dashboard.json), and others about the function, which has no metrics on a laptop.
func dashboard(c config, s shown) string {
	p := page{region: c.Region, names: map[string]string{theLoadBalancer: s.LoadBalancer, theTargetGroup: s.TargetGroup}}
	processors := c.processors()
	function := processors[0].function(c.Name)
	own := func(name, stat string) metric { return ownMetric(function, name, stat) }
	of := func(name, stat string) metric { return functionMetric(function, name, stat) }
	perBroker := func(name, stat string) (metrics []metric) {
		for broker := 1; broker <= c.Kafka.Brokers; broker++ {
			metrics = append(metrics, brokerMetric(c.Name, name, stat, broker))
		}
		return metrics
	}

	p.row("Are clients served?",
		p.chart("Requests by status, a minute", albMetric("HTTPCode_Target_2XX_Count", "Sum"),
			albMetric("HTTPCode_Target_4XX_Count", "Sum"), albMetric("HTTPCode_Target_5XX_Count", "Sum"),
			albMetric("HTTPCode_ELB_5XX_Count", "Sum")),
		p.chart("Seconds to answer", albMetric("TargetResponseTime", "p50"), albMetric("TargetResponseTime", "p99"),
			albMetric("TargetResponseTime", "p99.9")),
		p.share("Requests that fail (5xx), per cent", failedRequests()))
	if c.Edge.WAF != nil {
		p.firewallRow(c)
	}
	p.row("Are events stored?",
		p.chart("Records stored, a second", perBroker("MessagesInPerSec", "Average")...),
		p.chart("Bytes of events, a second", bytesIn(c, c.Kafka.Topic)...),
		p.table("Why requests failed (5xx)", s.APILog,
			`filter msg = "request failed" | stats count(*) as requests by problem, client | sort requests desc`))
	p.row("Is Kafka well?",
		p.chart("Milliseconds to store", perBroker("ProduceTotalTimeMsMean", "Average")...),
		p.chart("Disk used, per cent", perBroker("KafkaDataLogsDiskUsed", "Maximum")...),
		p.chart("Partitions that lack copies", perBroker("UnderReplicatedPartitions", "Maximum")...))
	p.row("Is the process well?",
		p.chart("CPU and memory of the API, per cent", taskMetric(c, "CPUUtilization", "Average"),
			taskMetric(c, "MemoryUtilization", "Average"), taskMetric(c, "MemoryUtilization", "Maximum")),
		p.chart("Tasks", targetMetric("HealthyHostCount", "Minimum"), targetMetric("UnHealthyHostCount", "Maximum")),
		p.chart("Batches at work side by side", of("ConcurrentExecutions", "Maximum")))
	if c.Canary.Enabled {
		p.canaryRow(c)
	}
	if c.Metrics.Enabled {
		p.apiRow(c)
	}
	p.row("Are events acted on?",
		p.chart("Seconds behind", lagMetric("EstimatedMaxTimeLag", c, processors[0])),
		p.chart("Milliseconds from the request to the end", ageMetric(function, "p50"), ageMetric(function, "p99")),
		p.byType("Events done, a minute", function, "EventsProcessed", "EventsDuplicate"),
		p.chart("Batches and failures, a minute", of("Invocations", "Sum"), of("Errors", "Sum"), of("Throttles", "Sum"),
			own("BatchFailures", "Sum")))
	p.row("What takes the time?",
		p.chart("Records of a batch", own("BatchSize", "Average"), own("BatchSize", "Maximum")),
		p.chart(fmt.Sprintf("Milliseconds a batch, of %d,000", c.Processor.TimeoutSeconds), own("BatchDuration", "p50"),
			own("BatchDuration", "p99"), of("Duration", "Maximum")),
		p.byType("Retries, a minute", function, "EventRetries"),
		p.chart("Table: written and read, a minute", tableMetric("ConsumedWriteCapacityUnits", s.Table),
			tableMetric("ConsumedReadCapacityUnits", s.Table)))
	p.row("What was given up on?",
		p.chart("Dead letters, a minute", deadLetterMetric(function)),
		p.byType("Left for a later batch, a minute", function, "EventsUnfinished"),
		p.table("Why", s.ProcessorLog, `filter msg in ["event dead-lettered", "event not finished"] | `+
			`stats count(*) as events by msg, event_type, error | sort events desc`))
	if c.Archive.Enabled {
		p.archiveRow(c)
	}
	for _, other := range processors[1:] {
		function := other.function(c.Name)
		p.row("Does processor "+other.ID+" keep up?",
			p.chart("Seconds behind", lagMetric("EstimatedMaxTimeLag", c, other)),
			p.chart("Milliseconds from the request to the end", ageMetric(function, "p50"), ageMetric(function, "p99")),
			p.chart("Batches and failures, a minute", functionMetric(function, "Invocations", "Sum"),
				functionMetric(function, "Errors", "Sum"), functionMetric(function, "Throttles", "Sum")),
			p.chart("Dead letters, a minute", deadLetterMetric(function)))
	}
	if c.Tracing.Enabled {
		console := fmt.Sprintf("https://%s.console.aws.amazon.com/cloudwatch/home?region=%s#xray:", c.Region, c.Region)
		p.row("Which way did an event go?",
			p.text("[Traces](%straces/query) of the API and the processor, found by a log line's `trace_id`, or by where its "+
				"record lies: "+
				"`annotation[messaging.destination.partition.id] = \"3\" AND annotation[messaging.kafka.offset] = 42`. [The "+
				"map](%sservice-map/map) of them.", console, console))
	}
	return p.body()
}

// page lays widgets out from top to bottom.
type page struct {
	region  string
	names   map[string]string // of resources that a deployment names
	widgets []widget
	y       int
}

type widget struct {
	Type       string         `json:"type"`
	X          int            `json:"x"`
	Y          int            `json:"y"`
	Width      int            `json:"width"`
	Height     int            `json:"height"`
	Properties map[string]any `json:"properties"`
}

// row puts widgets side by side below a heading; the page is 24 units wide.
func (p *page) row(title string, of ...widget) {
	p.widgets = append(p.widgets, widget{Type: "text", Y: p.y, Width: 24, Height: 1,
		Properties: map[string]any{"markdown": "## " + title}})
	height := 2
	for i, w := range of {
		if w.Type != "text" {
			height = 6
		}
		w.X, w.Y, w.Width, w.Height = i*24/len(of), p.y+1, 24/len(of), height
		p.widgets = append(p.widgets, w)
	}
	p.y += 1 + height
}

func (p *page) text(format string, args ...any) widget {
	return widget{Type: "text", Properties: map[string]any{"markdown": fmt.Sprintf(format, args...)}}
}

func (p *page) chart(title string, metrics ...metric) widget {
	var lines [][]any
	for _, m := range metrics {
		lines = append(lines, append(p.line(m), map[string]any{"stat": m.Stat}))
	}
	return p.lines(title, lines)
}

// share draws the percentage that an alarm watches.
func (p *page) share(title string, of []metric) widget {
	lines := [][]any{{map[string]any{"expression": percent(len(of) - 1), "label": "per cent"}}}
	for i, m := range of {
		lines = append(lines, append(p.line(m), map[string]any{"stat": m.Stat, "id": fmt.Sprintf("m%d", i),
			"visible": false}))
	}
	return p.lines(title, lines)
}

// byType draws a line for each type of event. A search finds the types, as they are not known beforehand.
func (p *page) byType(title, function string, names ...string) widget {
	var lines [][]any
	for _, name := range names {
		search := fmt.Sprintf(`SEARCH('{%s,FunctionName,EventType} FunctionName="%s" MetricName="%s"', 'Sum', 60)`,
			ownNamespace, function, name)
		lines = append(lines, []any{map[string]any{"expression": search}})
	}
	return p.lines(title, lines)
}

// table shows the result of a query of a log group.
func (p *page) table(title, group, query string) widget {
	return widget{Type: "log", Properties: map[string]any{
		"title": title, "region": p.region, "view": "table", "query": fmt.Sprintf("SOURCE '%s' | %s", group, query),
	}}
}

func (p *page) lines(title string, lines [][]any) widget {
	return widget{Type: "metric", Properties: map[string]any{"title": title, "region": p.region, "period": 60,
		"view": "timeSeries", "metrics": lines}}
}

// line names a metric with its dimensions sorted, so that the same dashboard has the same text.
func (p *page) line(m metric) []any {
	line := []any{m.Namespace, m.Name}
	for _, key := range slices.Sorted(maps.Keys(m.Dimensions)) {
		value := m.Dimensions[key]
		if late, ok := p.names[value]; ok {
			value = late
		}
		line = append(line, key, value)
	}
	return line
}

func (p *page) body() string {
	text, err := json.MarshalIndent(map[string]any{"widgets": p.widgets}, "", " ")
	if err != nil {
		panic(fmt.Sprintf("marshal dashboard of strings and numbers: %v", err)) // cannot happen
	}
	return string(text)
}
