package main

import (
	"fmt"
	"strings"
)

// What an alarm makes of minutes without data.
const (
	quietIsGood = "notBreaching" // no requests, no errors
	quietIsBad  = "breaching"    // a balancer with targets always reports
	quietIsSame = "ignore"       // between batches there is no news of lag
)

// alarm goes off when the metric is beyond Threshold in Of periods of the last In. What says to whom it wakes what
// happened; what to do stands in docs/operating.md below a heading that is Kind.
type alarm struct {
	Kind, What   string
	Broker       int    // 0: it is not about one broker
	Processor    string // "": it is about the first, or about none
	Part         string // of what a composite alarm looks at
	Silent       bool   // it wakes nobody by itself
	Metric       metric
	Math         string   // of m0, m1, …, which are Inputs; instead of Metric
	Inputs       []metric // see Math
	Below        bool     // beyond means below
	Threshold    float64
	Of, In       int
	Period       int // seconds; 0 is a minute
	MissingMeans string
}

// Name is the kind, and of which part, broker or processor.
func (a alarm) Name() string {
	name := a.Kind
	if a.Part != "" {
		name += "-" + a.Part
	}
	switch {
	case a.Processor != "":
		return name + "-" + a.Processor
	case a.Broker != 0:
		return fmt.Sprintf("%s-%d", name, a.Broker)
	}
	return name
}

// allProcessorAlarms are those of the table, of privacy and of each processor.
func allProcessorAlarms(c config) []alarm {
	list := append([]alarm{tableAlarm(c)}, privacyAlarms(c)...)
	for _, p := range c.processors() {
		for _, a := range processorAlarms(c, p) {
			if p.ID != "" {
				a.Processor, a.What = p.ID, "Processor "+p.ID+": "+a.What
			}
			list = append(list, a)
		}
	}
	return list
}

func tableAlarm(c config) alarm {
	return alarm{Kind: "table-throttles", What: "DynamoDB refuses reads or writes of the events table.",
		Math: filled("0", 0, 1), Inputs: []metric{tableMetric("ReadThrottleEvents", c.eventsTable()),
			tableMetric("WriteThrottleEvents", c.eventsTable())},
		Threshold: 0, Of: 3, In: 5, MissingMeans: quietIsGood}
}

// backupAlarms asks for what was done, and not for what failed: what was never begun fails nowhere.
func backupAlarms(c config) []alarm {
	if !c.Backup.Enabled {
		return nil
	}
	return []alarm{{Kind: "backup-missing", What: "For two days no backup of the events table was completed.",
		Metric: metric{"AWS/Backup", "NumberOfBackupJobsCompleted", "Sum",
			map[string]string{"BackupVaultName": backupVault(c.Name)}},
		Below: true, Threshold: 1, Of: 2, In: 2, Period: 24 * 60 * 60, MissingMeans: quietIsBad}}
}

// apiAlarms, and those of the processor and the brokers, wake a person: a client is hurt, an event is late or lost, or
// one of them soon will be.
func apiAlarms(c config) []alarm {
	list := []alarm{
		{Kind: "api-errors", What: "More than 5 % of requests are answered with 5xx.",
			Math: percent(2), Inputs: failedRequests(), Threshold: 5, Of: 3, In: 5, MissingMeans: quietIsGood},
		{Kind: "api-latency", What: "One request in a hundred takes too long.",
			Metric: albMetric("TargetResponseTime", "p99"), Threshold: c.Alarms.LatencySeconds, Of: 5, In: 5,
			MissingMeans: quietIsGood},
		{Kind: "api-unhealthy", What: "A task of the API fails its health check.",
			Metric: targetMetric("UnHealthyHostCount", "Maximum"), Threshold: 0, Of: 5, In: 5, MissingMeans: quietIsGood},
		{Kind: "api-tasks", What: fmt.Sprintf("There are fewer than %d healthy tasks.", c.API.MinTasks),
			Metric: targetMetric("HealthyHostCount", "Minimum"), Below: true, Threshold: float64(c.API.MinTasks), Of: 5, In: 5,
			MissingMeans: quietIsBad},
		// Of the fullest task: an average hides the one that is about to be killed.
		{Kind: "api-memory", What: "A task of the API uses over 90 % of its memory.",
			Metric: taskMetric(c, "MemoryUtilization", "Maximum"), Threshold: 90, Of: 10, In: 10, MissingMeans: quietIsSame},
		{Kind: "api-cpu", What: "The tasks of the API use over 90 % of their CPU, and there are no more of them.",
			Metric: taskMetric(c, "CPUUtilization", "Average"), Threshold: 90, Of: 15, In: 15, MissingMeans: quietIsSame},
	}
	if c.Cache.Enabled && c.Metrics.Enabled {
		list = append(list, alarm{Kind: "limits-alone", What: "Tasks limit their clients by themselves: the cache is away.",
			Metric: ownAPIMetric(c, "rate_limit_fallbacks_total", "Sum"), Threshold: 0, Of: 10, In: 10,
			MissingMeans: quietIsGood})
	}
	if c.Edge.CDN {
		// What the balancer never sees: that CloudFront does not reach it.
		list = append(list, alarm{Kind: "cdn-errors", What: "CloudFront answers more than 5 % of requests with 5xx.",
			Metric: cdnMetric("5xxErrorRate", "Average"), Threshold: 5, Of: 3, In: 5, MissingMeans: quietIsGood})
	}
	list = append(list, firewallAlarms(c)...)
	if c.Edge.HTTPS() {
		// ACM renews 60 days before the end, and reports twice a day.
		list = append(list, alarm{Kind: "certificate", What: "The certificate ends within 30 days and was not renewed.",
			Metric: metric{"AWS/CertificateManager", "DaysToExpiry", "Minimum",
				map[string]string{"CertificateArn": theCertificate}},
			Below: true, Threshold: 30, Of: 1, In: 1, Period: 24 * 60 * 60, MissingMeans: quietIsSame})
	}
	return list
}

func processorAlarms(c config, p namedProcessor) []alarm {
	function, timeout := p.function(c.Name), p.TimeoutSeconds
	invocations := functionMetric(function, "Invocations", "Sum")
	list := []alarm{
		{Kind: "processor-lag", What: fmt.Sprintf("Events wait longer than %d s.", c.Alarms.LagSeconds),
			Metric: lagMetric("EstimatedMaxTimeLag", c, p), Threshold: float64(c.Alarms.LagSeconds), Of: 5, In: 5,
			MissingMeans: quietIsSame},
		// MSK's metrics come minutes late: the last value stands for the missing ones, and some minutes may be wrong.
		{Kind: "processor-stalled", What: "Events wait, and for 15 minutes the function was not invoked: the mapping is " +
			"dead.",
			Math:   "IF(FILL(m0,REPEAT)>0 AND FILL(m1,0)<1,1,0)",
			Inputs: []metric{lagMetric("SumOffsetLag", c, p), invocations}, Threshold: 0, Of: 15, In: 20,
			MissingMeans: quietIsSame},
		{Kind: "processor-unfed", What: "Events come in, and for 10 minutes the function was not invoked: the mapping is " +
			"dead.",
			Math:   "IF(" + filled("REPEAT", 1, c.Kafka.Brokers) + ">0 AND FILL(m0,0)<1,1,0)",
			Inputs: append([]metric{invocations}, bytesIn(c, p.topic(c.Kafka))...), Threshold: 0, Of: 10, In: 12,
			MissingMeans: quietIsSame},
		{Kind: "event-age", What: fmt.Sprintf("One event in a hundred takes over %d s from the request to its end.",
			c.Alarms.EventAgeSeconds),
			Metric: ageMetric(function, "p99"), Threshold: float64(c.Alarms.EventAgeSeconds) * 1000, Of: 5, In: 5,
			MissingMeans: quietIsGood},
		{Kind: "processor-errors", What: "Batches fail as a whole and are retried.",
			Metric: functionMetric(function, "Errors", "Sum"), Threshold: 0, Of: 3, In: 5, MissingMeans: quietIsGood},
		{Kind: "processor-throttles", What: "Lambda refuses to run the function as often as it is called.",
			Metric: functionMetric(function, "Throttles", "Sum"), Threshold: 0, Of: 5, In: 5, MissingMeans: quietIsGood},
		{Kind: "processor-duration", What: fmt.Sprintf("A batch took over 80 %% of the %d s it has.", timeout),
			Metric: functionMetric(function, "Duration", "Maximum"), Threshold: float64(timeout) * 1000 * 0.8, Of: 3, In: 5,
			MissingMeans: quietIsGood},
		{Kind: "dead-letters", What: "An event was given up on. List it with: just dlq STACK list.",
			Metric: deadLetterMetric(function), Threshold: 0, Of: 1, In: 1, MissingMeans: quietIsGood},
		{Kind: "dead-letters-incomplete", What: "A dead letter is not all of its record, which Kafka will delete.",
			Metric:    ownMetric(function, "DeadLettersIncomplete", "Sum"),
			Threshold: 0, Of: 1, In: 1, MissingMeans: quietIsGood},
	}
	if p.Provisioned == nil {
		return list
	}
	return append(list,
		alarm{Kind: "undelivered", What: "The mapping gave up on a batch. It is in the undelivered bucket.",
			Metric:    mappingMetric(p, "OnFailureDestinationDeliveredEventCount"),
			Threshold: 0, Of: 1, In: 1, MissingMeans: quietIsGood},
		// Where the delivery to the bucket fails, the metric above is not emitted: only these tell of the loss.
		alarm{Kind: "dropped", What: "The mapping gave up on events and could not put them into the undelivered bucket.",
			Metric: mappingMetric(p, "DroppedEventCount"), Threshold: 0, Of: 1, In: 1, MissingMeans: quietIsGood},
		alarm{Kind: "undeliverable", What: "The mapping can't write to the undelivered bucket.",
			Metric: functionMetric(function, "DestinationDeliveryFailures", "Sum"), Threshold: 0, Of: 1, In: 1,
			MissingMeans: quietIsGood})
}

func kafkaAlarms(c config) (list []alarm) {
	for broker := 1; broker <= c.Kafka.Brokers; broker++ {
		of := func(name, stat string) metric { return brokerMetric(c.Name, name, stat, broker) }
		each := []alarm{
			// Not OfflinePartitionsCount, which the controller reports: a KRaft cluster's is in no metric of ours.
			{Kind: "kafka-min-isr", What: "Partitions have fewer copies than a write needs: writes to them fail.",
				Metric: of("UnderMinIsrPartitionCount", "Maximum"), Threshold: 0, Of: 3, In: 5},
			{Kind: "kafka-disk", What: fmt.Sprintf("A broker's disk is %d %% full.", diskAlarm),
				Metric: of("KafkaDataLogsDiskUsed", "Maximum"), Threshold: diskAlarm, Of: 5, In: 5},
			// Brokers are patched one after the other, which takes each away for minutes: not worth waking for.
			{Kind: "kafka-replicas", What: "Partitions of a broker lack copies, for half an hour.",
				Metric: of("UnderReplicatedPartitions", "Maximum"), Threshold: 0, Of: 30, In: 30},
			// AWS's bounds for both: beyond 60 % a broker has no room for the load of one that is patched.
			{Kind: "kafka-cpu", What: "A broker uses over 60 % of its CPU.",
				Math: filled("0", 0, 1), Inputs: []metric{of("CpuUser", "Average"), of("CpuSystem", "Average")},
				Threshold: 60, Of: 15, In: 15},
			{Kind: "kafka-heap", What: "A broker's heap is over 60 % full after garbage collection.",
				Metric: of("HeapMemoryAfterGC", "Maximum"), Threshold: 60, Of: 15, In: 15},
		}
		if strings.HasPrefix(c.Kafka.InstanceType, "kafka.t3.") {
			// A broker starts with none and earns 24 an hour.
			each = append(each, alarm{Kind: "kafka-credits", What: "A broker has used up its CPU credits and is throttled.",
				Metric: of("CPUCreditBalance", "Minimum"), Below: true, Threshold: 10, Of: 30, In: 30})
		}
		for _, a := range each {
			a.Broker, a.MissingMeans = broker, quietIsSame
			list = append(list, a)
		}
	}
	return list
}

// percent is the expression for 100 * (m1 + … + mn) / m0. CloudWatch has no data point where nothing happened, hence
// FILL.
func percent(parts int) string { return fmt.Sprintf("100*(%s)/FILL(m0,1)", filled("0", 1, parts)) }

// filled is the expression for mFROM + … + mTO, where missing values are with.
func filled(with string, from, to int) string {
	var sum []string
	for i := from; i <= to; i++ {
		sum = append(sum, fmt.Sprintf("FILL(m%d,%s)", i, with))
	}
	return strings.Join(sum, "+")
}
