package review

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// What an event of 270 bytes takes that is posted by itself. docs/cost.md and docs/performance.md have the sources.
const (
	requestAndAnswerBytes = 1060  // through the load balancer
	recordBytes           = 300   // to the brokers
	itemBytes             = 410   // in the table, with DynamoDB's own 100
	itemDays              = 30    // after which the table forgets it
	lineBytes             = 400   // of a log
	metricsBytes          = 1000  // of the two lines that an invocation writes
	eventCPUSeconds       = 35e-6 // of the processor
	tableWaitSeconds      = 0.020 // two rounds of requests, an invocation
	cpuMegabytes          = 1769  // of a function's memory that come with one CPU
	pollerInvocations     = 2     // a second, at most, while batches are not full: a poller collects for 0.5 s
	functionMetrics       = 5 + 4 // of a function, and of each type of event: one
	archiveWindow         = 60    // seconds, in which a partition's records become one object
	archiveRecords        = 10_000
	archivedBytes         = 84  // of a record, compressed
	accessLogOneIn        = 100 // where ACCESS_LOG_ONE_IN is not set
)

// byEvents are the lines that depend on the number of events a second.
func (g Graph) byEvents(events float64) (lines []Line) {
	add := func(what string, monthly float64, format string, args ...any) {
		lines = append(lines, Line{What: what, Monthly: monthly, Arithmetic: fmt.Sprintf(format, args...), ByEvents: true})
	}
	if len(g.Of("ecs.Service")) > 0 && g.serving().Number("desiredCount") == 0 {
		return nil // the stack stands by: it accepts no events
	}
	millions := events * secondsAMonth / million
	env := g.environment()

	if len(g.Of("lb.LoadBalancer")) > 0 {
		units := events * requestAndAnswerBytes * 3600 / gigabyte
		add(partBalancer, units*balancerUnitHour*hoursAMonth, "%.3g GB an hour × %g × %d h", units, balancerUnitHour,
			hoursAMonth)
	}
	for range g.Of("wafv2.WebAcl") {
		add(partFirewall, millions*firewallRequests, "%.4g million × %.2f", millions, firewallRequests)
	}
	for range g.Of("elasticache.ServerlessCache") {
		add(partCache, millions*cacheUnits, "%.4g million requests, a unit each at least × %g", millions, cacheUnits)
	}
	if more := g.moreTasks(events); more > 0 {
		size, hour := g.taskHour(g.serving())
		add(partTasks, more*hour*hoursAMonth, "%g more × %s × %d h", more, size, hoursAMonth)
	}
	lines = append(lines, g.archiving(events)...)
	logged := 0.0
	if env["LOG_LEVEL"] == "INFO" || env["LOG_LEVEL"] == "DEBUG" {
		oneIn := float64(accessLogOneIn)
		if set, err := strconv.ParseFloat(env["ACCESS_LOG_ONE_IN"], 64); err == nil {
			oneIn = set
		}
		if oneIn > 0 {
			logged = millions * million * lineBytes / oneIn / gigabyte
			add(partLogs, logged*logsGB, "API: a line of %d B for one request in %g: %.3g GB × %.2f", lineBytes, oneIn, logged,
				logsGB)
		}
	}
	if ratio := sampled(env, "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER_ARG"); ratio > 0 {
		add(partTraces, millions*ratio*traces, "%.4g million requests × %g × %.2f", millions, ratio, traces)
	}
	sent := millions * million * recordBytes / gigabyte
	if zones := g.privateZones(); zones > 1 {
		share := (zones - 1) / zones
		add(partTransfer, sent*share*betweenZonesGB, "%.3g GB to the brokers × %.2f × %.2f", sent, share, betweenZonesGB)
	}
	out := logged // of the private subnets
	for _, mapping := range g.Of("lambda.EventSourceMapping") {
		lines = append(lines, g.processing(mapping, events)...)
		if mapping.At("provisionedPollerConfig").IsNull() {
			out += sent * 4 / 3 // in base64: pollers on demand call Lambda from the private subnets
		}
	}
	switch {
	case len(g.Of("ec2.NatGateway")) > 0:
		add(partNAT, out*natGatewayGB, "%.3g GB × %g", out, natGatewayGB)
	case len(g.endpoints()) > 0:
		add(partEndpoints, out*interfaceEndpointGB, "%.3g GB × %g", out, interfaceEndpointGB)
	}
	return lines
}

// archiving is what the archive costs at a number of events a second.
func (g Graph) archiving(events float64) (lines []Line) {
	if !g.Has("s3.BucketV2", archiveName) {
		return nil
	}
	partitions := 0.0
	for _, n := range g.Of("cloudcontrol.Resource") {
		if !strings.Contains(n.Name, ".dlq") {
			partitions += topicPartitions(n)
		}
	}
	objects := max(min(events, partitions/archiveWindow), events/archiveRecords) * secondsAMonth
	stored := events * secondsAMonth * archivedBytes / gigabyte
	return []Line{
		{What: partArchive, Monthly: objects / 1000 * putsThousand, ByEvents: true,
			Arithmetic: fmt.Sprintf("%.4g thousand objects × %g", objects/1000, putsThousand)},
		{What: partArchive, Monthly: stored * bucketGBMonth, ByEvents: true,
			Arithmetic: fmt.Sprintf("%.3g GB × %g, and as much again for each month that is kept", stored, bucketGBMonth)}}
}

// moreTasks is how many tasks the autoscaler adds to the minimum.
func (g Graph) moreTasks(events float64) float64 {
	for _, policy := range g.Of("appautoscaling.Policy") {
		const inside = "targetTrackingScalingPolicyConfiguration"
		if policy.Text(inside, "predefinedMetricSpecification", "predefinedMetricType") != "ALBRequestCountPerTarget" {
			continue
		}
		for _, target := range g.Of("appautoscaling.Target") {
			if target.Text("resourceId") == policy.Text("resourceId") {
				tasks := math.Ceil(events * 60 / policy.Number(inside, "targetValue"))
				return max(0, min(tasks, target.Number("maxCapacity"))-target.Number("minCapacity"))
			}
		}
	}
	return 0
}

// processing is what one processor of all events costs.
func (g Graph) processing(mapping Registration, events float64) (lines []Line) {
	function := g.named("lambda.Function", mapping.functionName())
	memory := function.Number("memorySize")
	variable := func(name string) string { return function.Text("environment", "variables", name) }
	add := func(what string, monthly float64, format string, args ...any) {
		lines = append(lines, Line{What: what, Monthly: monthly, Arithmetic: fmt.Sprintf(format, args...), ByEvents: true})
	}
	millions := events * secondsAMonth / million
	invocations := max(events/mapping.Number("batchSize"), min(events, pollerInvocations)) * secondsAMonth / million
	add(partFunction, invocations*lambdaInvocations, "%.3g million invocations × %.2f", invocations, lambdaInvocations)

	seconds := invocations*million*tableWaitSeconds + millions*million*eventCPUSeconds*cpuMegabytes/memory
	used := seconds * memory / 1024
	add(partFunction, used*lambdaGBSecond, "%.4g s × %g MB: %.4g GB-s × %g", seconds, memory, used, lambdaGBSecond)
	add(partMetrics, functionMetrics*metricMonth, "%d metrics × %.2f", functionMetrics, metricMonth)

	written := invocations * million * metricsBytes / gigabyte
	if level := variable("LOG_LEVEL"); level == "INFO" || level == "DEBUG" {
		written += millions * million * lineBytes / gigabyte
	}
	add(partLogs, written*logsGB, "%s: %.3g GB × %.2f", function.Name, written, logsGB)
	environment := map[string]string{"exporter": variable("OTEL_TRACES_EXPORTER"),
		"ratio": variable("OTEL_TRACES_SAMPLER_ARG")}
	if ratio := sampled(environment, "exporter", "ratio"); ratio > 0 {
		add(partTraces, invocations*ratio*traces, "%.3g million invocations × %g × %.2f", invocations, ratio, traces)
	}
	for _, table := range g.Of("dynamodb.Table") {
		if table.Name == keysOfSubjects {
			continue // its use depends on subjects and minutes, and not on events
		}
		add(partTable, millions*(tableWrites+tableReads), "%.4g million × (a write %g + a read %g)", millions, tableWrites,
			tableReads)
		stored := events * itemDays * 86400 * itemBytes / gibibyte
		month, what := tableGBMonth, fmt.Sprintf("%.2f", tableGBMonth)
		if table.Is("pointInTimeRecovery", "enabled") {
			month += tableRecoveryGBMonth
			what = fmt.Sprintf("(%s + %.2f for point-in-time recovery)", what, tableRecoveryGBMonth)
		}
		for range table.list("replicas") {
			add(partTable, millions*tableWrites+stored*tableGBMonth, "a replica: %.4g million × a write %g, %.4g GiB × %.2f",
				millions, tableWrites, stored, tableGBMonth)
		}
		add(partTable, stored*month, "%.4g GiB of %d days × %s", stored, itemDays, what)
	}
	return lines
}

// sampled is the share of requests that is traced.
func sampled(env map[string]string, exporter, argument string) float64 {
	if env[exporter] == "" || env[exporter] == "none" {
		return 0
	}
	ratio, _ := strconv.ParseFloat(env[argument], 64)
	return ratio
}

// privateZones is the number of zones with tasks of the API.
func (g Graph) privateZones() float64 {
	most := 0
	for _, n := range g.Of("msk.Cluster") {
		if group, ok := n.Plain()["brokerNodeGroupInfo"].(map[string]any); ok {
			subnets, _ := group["clientSubnets"].([]any)
			most = max(most, len(subnets))
		}
	}
	return float64(most)
}
