package main

import (
	"fmt"
	"strconv"
)

// Names in dimensions that only a deployment knows; observability.go puts the real ones in.
const (
	theLoadBalancer = "$loadBalancer"
	theTargetGroup  = "$targetGroup"
	theMapping      = "$mapping"
)

// What an alarm makes of minutes without data.
const (
	quietIsGood = "notBreaching" // no requests, no errors
	quietIsBad  = "breaching"    // a balancer with targets always reports
	quietIsSame = "ignore"       // between batches there is no news of lag
)

// metric is one number over time.
type metric struct {
	Namespace, Name, Stat string
	Dimensions            map[string]string
}

// alarm goes off when the metric is beyond Threshold in Of minutes of the last In. What says to whom it wakes what
// happened and where to look first.
type alarm struct {
	Name, What   string
	Metric       metric
	Ratio        []metric // per cent: the first is the number of all, the others add up to the part; instead of Metric
	Below        bool     // beyond means below
	Threshold    float64
	Of, In       int
	MissingMeans string
}

func albMetric(name, stat string) metric {
	return metric{"AWS/ApplicationELB", name, stat, map[string]string{"LoadBalancer": theLoadBalancer}}
}

func targetMetric(name, stat string) metric {
	return metric{"AWS/ApplicationELB", name, stat, map[string]string{"LoadBalancer": theLoadBalancer, "TargetGroup": theTargetGroup}}
}

func functionMetric(function, name, stat string) metric {
	return metric{"AWS/Lambda", name, stat, map[string]string{"FunctionName": function}}
}

func brokerMetric(cluster, name, stat string, broker int) metric {
	return metric{"AWS/Kafka", name, stat, map[string]string{"Cluster Name": cluster, "Broker ID": strconv.Itoa(broker)}}
}

func lagMetric(cluster, topic, group string) metric {
	return metric{"AWS/Kafka", "EstimatedMaxTimeLag", "Maximum", map[string]string{"Cluster Name": cluster, "Topic": topic, "Consumer Group": group}}
}

// failedRequests are all, and those of them that count as failed.
func failedRequests() []metric {
	return []metric{albMetric("RequestCount", "Sum"), albMetric("HTTPCode_Target_5XX_Count", "Sum"), albMetric("HTTPCode_ELB_5XX_Count", "Sum")}
}

// ownNamespace is where the function's own metrics are, which Lambda makes of lines of its log. The names and dimensions
// below are written down in the processor, too; a test compares them with what it writes.
const ownNamespace = "EventProcessingService"

// ownMetric is one of the function's own, over all types of events.
func ownMetric(function, name, stat string) metric {
	return metric{ownNamespace, name, stat, map[string]string{"FunctionName": function}}
}

// deadLetterMetric counts what the processor gave up on. It is written with each dead letter, so none is missed.
func deadLetterMetric(function string) metric {
	return ownMetric(function, "EventsDeadLettered", "Sum")
}

// ageMetric is how old events are when the processor is done with them, from when the API had them, in milliseconds.
func ageMetric(function, stat string) metric { return ownMetric(function, "EventAge", stat) }

func undeliveredMetric() metric {
	return metric{"AWS/Lambda", "OnFailureDestinationDeliveredEventCount", "Sum", map[string]string{"EventSourceMappingUUID": theMapping}}
}

// alarms is what wakes a person: a client is hurt, an event is late or lost, or one of them soon will be.
func alarms(c config, function, group string) []alarm {
	timeout := float64(c.Processor.TimeoutSeconds)
	list := []alarm{
		{Name: "api-errors", What: "More than 5 % of requests answered 5xx. Look at the API's log for level ERROR.",
			Ratio: failedRequests(), Threshold: 5, Of: 3, In: 5, MissingMeans: quietIsGood},
		{Name: "api-latency", What: "One request in a hundred takes too long. Look at Kafka's produce time and the API's CPU.",
			Metric: albMetric("TargetResponseTime", "p99"), Threshold: c.Alarms.LatencySeconds, Of: 5, In: 5, MissingMeans: quietIsGood},
		{Name: "api-unhealthy", What: "A task fails its health check. Look at the service's events and the API's log.",
			Metric: targetMetric("UnHealthyHostCount", "Maximum"), Threshold: 0, Of: 5, In: 5, MissingMeans: quietIsGood},
		{Name: "api-tasks", What: fmt.Sprintf("Fewer than %d healthy tasks. Look at the service's events.", c.API.MinTasks),
			Metric: targetMetric("HealthyHostCount", "Minimum"), Below: true, Threshold: float64(c.API.MinTasks), Of: 5, In: 5, MissingMeans: quietIsBad},

		{Name: "processor-lag", What: "Events wait too long. Look at the mapping's state, then the processor's errors and throttles.",
			Metric: lagMetric(c.Name, c.Kafka.Topic, group), Threshold: float64(c.Alarms.LagSeconds), Of: 5, In: 5, MissingMeans: quietIsSame},
		{Name: "event-age", What: fmt.Sprintf("One event in a hundred takes over %d s from the request to its end. Look at the lag, then at retries and the time of a batch.", c.Alarms.EventAgeSeconds),
			Metric: ageMetric(function, "p99"), Threshold: float64(c.Alarms.EventAgeSeconds) * 1000, Of: 5, In: 5, MissingMeans: quietIsGood},
		{Name: "processor-errors", What: "Batches fail as a whole and are tried again. Look at the processor's log for level ERROR.",
			Metric: functionMetric(function, "Errors", "Sum"), Threshold: 0, Of: 3, In: 5, MissingMeans: quietIsGood},
		{Name: "processor-throttles", What: "The account's concurrency is used up. Look at Lambda's quotas.",
			Metric: functionMetric(function, "Throttles", "Sum"), Threshold: 0, Of: 5, In: 5, MissingMeans: quietIsGood},
		{Name: "processor-duration", What: fmt.Sprintf("A batch took over 80 %% of the %d s it has. Look at what its handlers wait for.", c.Processor.TimeoutSeconds),
			Metric: functionMetric(function, "Duration", "Maximum"), Threshold: timeout * 1000 * 0.8, Of: 3, In: 5, MissingMeans: quietIsGood},
		{Name: "dead-letters", What: "An event was given up on. List it with: just dlq STACK list.",
			Metric: deadLetterMetric(function), Threshold: 0, Of: 1, In: 1, MissingMeans: quietIsGood},

		{Name: "kafka-offline", What: "Partitions without a leader: writes to them fail. Look at the brokers' log.",
			Metric:    metric{"AWS/Kafka", "OfflinePartitionsCount", "Maximum", map[string]string{"Cluster Name": c.Name}},
			Threshold: 0, Of: 3, In: 5, MissingMeans: quietIsSame},
	}
	if c.Processor.Provisioned != nil {
		list = append(list, alarm{Name: "undelivered", What: "The mapping gave up on a batch. It is in the undelivered bucket.",
			Metric: undeliveredMetric(), Threshold: 0, Of: 1, In: 1, MissingMeans: quietIsGood})
	}
	for broker := 1; broker <= c.Kafka.Brokers; broker++ {
		list = append(list,
			alarm{Name: fmt.Sprintf("kafka-disk-%d", broker), What: "A broker's disk is 75 % full. Raise kafka.volumeGiB, which takes hours, or lower kafka.retentionHours.",
				Metric: brokerMetric(c.Name, "KafkaDataLogsDiskUsed", "Maximum", broker), Threshold: 75, Of: 5, In: 5, MissingMeans: quietIsSame},
			// Brokers are patched one after the other, which takes each away for minutes: not worth waking for.
			alarm{Name: fmt.Sprintf("kafka-replicas-%d", broker), What: "A broker's partitions lack copies. Look at the cluster's state and the brokers' log.",
				Metric: brokerMetric(c.Name, "UnderReplicatedPartitions", "Maximum", broker), Threshold: 0, Of: 30, In: 30, MissingMeans: quietIsSame})
	}
	return list
}
