package main

import "strconv"

// Placeholders for dimensions that only a deployment knows; observability.go replaces them.
const (
	theLoadBalancer = "$loadBalancer"
	theTargetGroup  = "$targetGroup"
	theMapping      = "$mapping"
	theCertificate  = "$certificate"
	theDistribution = "$distribution"
	theArchive      = "$archive"
	theCopies       = "$copies"
)

// metric is one number over time.
type metric struct {
	Namespace, Name, Stat string
	Dimensions            map[string]string
}

func albMetric(name, stat string) metric {
	return metric{"AWS/ApplicationELB", name, stat, map[string]string{"LoadBalancer": theLoadBalancer}}
}

func targetMetric(name, stat string) metric {
	return metric{"AWS/ApplicationELB", name, stat, map[string]string{"LoadBalancer": theLoadBalancer,
		"TargetGroup": theTargetGroup}}
}

// taskMetric is a metric of the API's tasks, in per cent of a task's size.
func taskMetric(c config, name, stat string) metric { return serviceMetric(c, "api", name, stat) }

// serviceMetric is a metric of the tasks of the ECS service whose name is the stack's with suffix appended.
func serviceMetric(c config, suffix, name, stat string) metric {
	return metric{"AWS/ECS", name, stat, map[string]string{"ClusterName": c.Name, "ServiceName": c.Name + "-" + suffix}}
}

func cdnMetric(name, stat string) metric {
	return metric{"AWS/CloudFront", name, stat, map[string]string{"DistributionId": theDistribution, "Region": "Global"}}
}

func functionMetric(function, name, stat string) metric {
	return metric{"AWS/Lambda", name, stat, map[string]string{"FunctionName": function}}
}

func brokerMetric(cluster, name, stat string, broker int) metric {
	return metric{"AWS/Kafka", name, stat, map[string]string{"Cluster Name": cluster, "Broker ID": strconv.Itoa(broker)}}
}

// lagMetric is how far the consumer group is behind: EstimatedMaxTimeLag in seconds, SumOffsetLag in records. The
// former does not exist while nothing at all is read.
func lagMetric(name string, c config, p namedProcessor) metric {
	return groupLag(name, c, p.topic(c.Kafka), p.group(c.Name))
}

func groupLag(name string, c config, topic, group string) metric {
	return metric{"AWS/Kafka", name, "Maximum",
		map[string]string{"Cluster Name": c.Name, "Topic": topic, "Consumer Group": group}}
}

// bytesIn is how many bytes of a topic each broker receives a second.
func bytesIn(c config, topic string) (all []metric) {
	for broker := range c.Kafka.Brokers {
		m := brokerMetric(c.Name, "BytesInPerSec", "Average", broker+1)
		m.Dimensions["Topic"] = topic
		all = append(all, m)
	}
	return all
}

// failedRequests are all requests, and those of them that count as failed.
func failedRequests() []metric {
	return []metric{albMetric("RequestCount", "Sum"), albMetric("HTTPCode_Target_5XX_Count", "Sum"),
		albMetric("HTTPCode_ELB_5XX_Count", "Sum")}
}

// ownNamespace is the namespace of the function's own metrics, which CloudWatch extracts from the function's log. The
// processor has the names and dimensions below, too; a test compares them with what it writes.
const ownNamespace = "EventProcessingService"

// ownMetric is a metric of the function's own, over all types of events.
func ownMetric(function, name, stat string) metric {
	return metric{ownNamespace, name, stat, map[string]string{"FunctionName": function}}
}

// deadLetterMetric counts what the processor gave up on. It is written with each dead letter, so none is missed.
func deadLetterMetric(function string) metric {
	return ownMetric(function, "EventsDeadLettered", "Sum")
}

// ageMetric is the time from when the API received an event until the processor is done with it, in milliseconds.
func ageMetric(function, stat string) metric { return ownMetric(function, "EventAge", stat) }

// mappingMetric counts events of the event source mapping. Only provisioned pollers have these metrics.
func mappingMetric(p namedProcessor, name string) metric {
	return metric{"AWS/Lambda", name, "Sum", map[string]string{"EventSourceMappingUUID": p.of(theMapping)}}
}

func tableMetric(name, table string) metric {
	return metric{"AWS/DynamoDB", name, "Sum", map[string]string{"TableName": table}}
}
