package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

type widget struct {
	Type       string         `json:"type"`
	X          int            `json:"x"`
	Y          int            `json:"y"`
	Width      int            `json:"width"`
	Height     int            `json:"height"`
	Properties map[string]any `json:"properties"`
}

// dashboard is the body of a CloudWatch dashboard that reads top to bottom along an event's way: in, stored, acted on,
// given up. loadBalancer, targetGroup and table are the names that deployment made.
func dashboard(c config, function, group, loadBalancer, targetGroup, table string) string {
	names := map[string]string{theLoadBalancer: loadBalancer, theTargetGroup: targetGroup}
	var widgets []widget
	y := 0
	row := func(title string, charts ...widget) {
		widgets = append(widgets, widget{Type: "text", Y: y, Width: 24, Height: 1, Properties: map[string]any{"markdown": "## " + title}})
		for i, chart := range charts {
			chart.X, chart.Y, chart.Width, chart.Height = i*24/len(charts), y+1, 24/len(charts), 6
			widgets = append(widgets, chart)
		}
		y += 7
	}
	chart := func(title string, metrics ...metric) widget {
		var lines [][]any
		for _, m := range metrics {
			line := []any{m.Namespace, m.Name}
			// Sorted, so that the same dashboard is the same text.
			for _, key := range slices.Sorted(maps.Keys(m.Dimensions)) {
				value := m.Dimensions[key]
				if late, ok := names[value]; ok {
					value = late
				}
				line = append(line, key, value)
			}
			lines = append(lines, append(line, map[string]string{"stat": m.Stat}))
		}
		return widget{Type: "metric", Properties: map[string]any{"title": title, "region": c.Region, "period": 60, "view": "timeSeries", "metrics": lines}}
	}
	perBroker := func(name, stat string) (metrics []metric) {
		for broker := 1; broker <= c.Kafka.Brokers; broker++ {
			metrics = append(metrics, brokerMetric(c.Name, name, stat, broker))
		}
		return metrics
	}
	var bytesIn []metric
	for broker := 1; broker <= c.Kafka.Brokers; broker++ {
		m := brokerMetric(c.Name, "BytesInPerSec", "Average", broker)
		m.Dimensions["Topic"] = c.Kafka.Topic
		bytesIn = append(bytesIn, m)
	}
	task := func(name string) metric {
		return metric{"AWS/ECS", name, "Average", map[string]string{"ClusterName": c.Name, "ServiceName": c.Name + "-api"}}
	}
	tableMetric := func(name string) metric {
		return metric{"AWS/DynamoDB", name, "Sum", map[string]string{"TableName": table}}
	}

	row("1. Requests come in",
		chart("Requests and errors a minute", albMetric("RequestCount", "Sum"), albMetric("HTTPCode_Target_4XX_Count", "Sum"), albMetric("HTTPCode_Target_5XX_Count", "Sum"), albMetric("HTTPCode_ELB_5XX_Count", "Sum")),
		chart("Seconds to answer", albMetric("TargetResponseTime", "p50"), albMetric("TargetResponseTime", "p99")),
		chart("Tasks", targetMetric("HealthyHostCount", "Minimum"), targetMetric("UnHealthyHostCount", "Maximum")),
		chart("CPU and memory, per cent", task("CPUUtilization"), task("MemoryUtilization")))
	row("2. Kafka stores them",
		chart("Bytes in a second", bytesIn...),
		chart("Disk used, per cent", perBroker("KafkaDataLogsDiskUsed", "Maximum")...),
		chart("Partitions that lack copies", perBroker("UnderReplicatedPartitions", "Maximum")...))
	row("3. The processor acts on them",
		chart("Seconds behind", lagMetric(c.Name, c.Kafka.Topic, group)),
		chart("Batches, failures, throttles a minute", functionMetric(function, "Invocations", "Sum"), functionMetric(function, "Errors", "Sum"), functionMetric(function, "Throttles", "Sum")),
		chart(fmt.Sprintf("Milliseconds a batch, of %d,000", c.Processor.TimeoutSeconds), functionMetric(function, "Duration", "p50"), functionMetric(function, "Duration", "Maximum")),
		chart("At work side by side", functionMetric(function, "ConcurrentExecutions", "Maximum")))
	row("4. What became of them",
		chart("Written and read a minute", tableMetric("ConsumedWriteCapacityUnits"), tableMetric("ConsumedReadCapacityUnits")),
		chart("Dead letters a minute", deadLetterMetric(c.Name)))

	text, err := json.MarshalIndent(map[string]any{"widgets": widgets}, "", " ")
	if err != nil {
		panic(fmt.Sprintf("marshal dashboard of strings and numbers: %v", err)) // cannot happen
	}
	return string(text)
}
