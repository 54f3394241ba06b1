package main

import (
	"encoding/json"
	"fmt"
	"strconv"
)

const (
	collectorName = "otel-collector"

	// Bounds on the collector, which runs in the API's task. Its limiter refuses spans before ECS would kill it for its
	// memory. Beside it, Fargate's smallest task leaves 320 MiB for the API.
	collectorMemory     = 192 // MiB
	collectorMemoryUsed = 128 // MiB, from which it refuses spans
	collectorCPU        = 32  // CPU units that it gets while API and collector compete

	// Both are reachable only within the task. The image's own health check uses this address.
	collectorEndpoint = "127.0.0.1:4318"
	collectorHealth   = "127.0.0.1:13133"
	collectorUser     = "4317:4317" // of the image
)

// indexedAttributes are the attributes by which traces can be found, `annotation[messaging.kafka.offset] = 42`. The
// processor indexes its spans by the same attributes.
var indexedAttributes = []string{
	"error.type", "messaging.destination.name", "messaging.destination.partition.id", "messaging.kafka.offset",
	"otel.resource.deployment.environment.name",
}

// tracedAs is how a program's spans name it, and which share of traces is kept. ratio is for traces that begin in this
// program. In a trace that a client or the API began, the program follows their decision, so a trace is kept as a whole
// or not at all.
func tracedAs(service, stage string, ratio float64) map[string]string {
	return map[string]string{
		"OTEL_SERVICE_NAME":        service,
		"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=" + stage,
		"OTEL_TRACES_SAMPLER":      "parentbased_traceidratio",
		"OTEL_TRACES_SAMPLER_ARG":  strconv.FormatFloat(ratio, 'f', -1, 64),
	}
}

// apiTracing are the variables that let the API send its spans to the collector beside it.
func apiTracing(name, stage string, c tracingConfig) map[string]string {
	env := tracedAs(name+"-api", stage, c.SampleRatio)
	// its name in X-Ray
	env["OTEL_RESOURCE_ATTRIBUTES"] += ",cloud.provider=aws,cloud.platform=aws_ecs,aws.ecs.launchtype=fargate"
	env["OTEL_TRACES_EXPORTER"] = "otlp"
	env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json"
	env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://" + collectorEndpoint
	return env
}

// processorTracing are the variables that let the function send its spans to the daemon that Lambda runs beside it.
func processorTracing(service, stage string, c tracingConfig) map[string]string {
	env := tracedAs(service, stage, c.SampleRatio)
	env["OTEL_TRACES_EXPORTER"] = "xray"
	return env
}

// addCollector puts the collector beside the API as a container that is not essential: if it dies, no request fails,
// and ECS restarts it.
func addCollector(api container, d deployed, s containerSettings) []container {
	c := baseContainer(collectorName, d, s, map[string]string{
		"AOT_CONFIG_CONTENT": collectorConfig(d, s),
		"GOMEMLIMIT":         fmt.Sprintf("%dMiB", collectorMemoryUsed),
	})
	c.Image, c.User = s.Tracing.Collector, collectorUser
	// the minimum of ECS
	c.Essential, c.RestartPolicy = false, &restartPolicy{Enabled: true, RestartAttemptPeriod: 60}
	c.CPU, c.Memory = collectorCPU, collectorMemory
	// CMD, as the image has no shell.
	c.HealthCheck = &containerHealth{Command: []string{"CMD", "/healthcheck"}, Interval: 10, Timeout: 5, Retries: 3,
		StartPeriod: 10}

	// A container without a share of its own would get almost no CPU while the collector is busy.
	api.CPU = s.API.CPU - collectorCPU
	// ECS stops containers in the opposite order, so the collector still receives the API's last spans.
	api.DependsOn = []dependency{{collectorName, "START"}}
	return []container{api, c}
}

// collectorConfig is the collector's whole configuration. It is JSON, which is YAML too, and the same text each time.
//
// Source: the README files of the collector's otlpreceiver, memorylimiterprocessor, batchprocessor,
// healthcheckextension and awsxrayexporter.
func collectorConfig(d deployed, s containerSettings) string {
	type object = map[string]any
	receivers, exporters, pipelines := object{}, object{}, object{}
	processors := object{"memory_limiter": object{"check_interval": "1s", "limit_mib": collectorMemoryUsed,
		"spike_limit_mib": collectorMemoryUsed / 4}}
	if s.Tracing.Enabled {
		receivers["otlp"] = object{"protocols": object{"http": object{"endpoint": collectorEndpoint}}}
		processors["batch"] = object{"timeout": "1s", "send_batch_size": 50} // X-Ray accepts 50 segments a request
		// local_mode: on Fargate there is no EC2 instance to ask for a region.
		exporters["awsxray"] = object{"region": s.Region, "local_mode": true, "indexed_attributes": indexedAttributes,
			"aws_log_groups": []string{d.LogGroup}}
		pipelines["traces"] = object{"receivers": []string{"otlp"}, "processors": []string{"memory_limiter", "batch"},
			"exporters": []string{"awsxray"}}
	}
	if s.Metrics.Enabled {
		receivers["prometheus"] = s.Metrics.metricsReceiver(s.Name)
		processors["filter"] = s.Metrics.metricsFilter()
		exporters["awsemf"] = s.Metrics.metricsExporter(s.Region, d.MetricsLog)
		pipelines["metrics"] = object{"receivers": []string{"prometheus"},
			"processors": []string{"memory_limiter", "filter"}, "exporters": []string{"awsemf"}}
	}
	text, err := json.Marshal(object{
		"extensions": object{"health_check": object{"endpoint": collectorHealth}},
		"receivers":  receivers, "processors": processors, "exporters": exporters,
		"service": object{
			"extensions": []string{"health_check"}, "pipelines": pipelines,
			"telemetry": object{"logs": object{"level": "warn"}, "metrics": object{"level": "none"}},
		},
	})
	if err != nil {
		panic(fmt.Sprintf("marshal configuration of strings and numbers: %v", err)) // cannot happen
	}
	return string(text)
}

// sendTraces are the rights to send spans; none where tracing is off. X-Ray has no ARN for spans.
func sendTraces(on bool, actions ...string) []statement {
	if !on {
		return nil
	}
	return []statement{allow("Traces", []string{"*"}, actions...)}
}
