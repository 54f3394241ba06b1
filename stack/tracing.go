package main

import (
	"encoding/json"
	"fmt"
	"strconv"
)

const (
	collectorName = "otel-collector"

	// Bounds on the collector, which is a guest in the API's task. What its limiter lets it hold is below what ECS kills
	// it for; Fargate's smallest task leaves the API 320 MiB beside it.
	collectorMemory     = 192 // MiB
	collectorMemoryUsed = 128 // MiB, from which it refuses spans
	collectorCPU        = 32  // CPU units of the task's, where both want more than there is

	// Both are reached from within the task alone. The image's own health check asks at this address.
	collectorEndpoint = "127.0.0.1:4318"
	collectorHealth   = "127.0.0.1:13133"
	collectorUser     = "4317:4317" // of the image
)

// indexedAttributes are what traces are searched by, `annotation[messaging.kafka.offset] = 42`. The processor indexes
// its spans by the same.
var indexedAttributes = []string{
	"error.type", "messaging.destination.name", "messaging.destination.partition.id", "messaging.kafka.offset",
	"otel.resource.deployment.environment.name",
}

// tracedAs is what a program's spans say of it, and which share of them is kept. ratio is of traces that begin here:
// what a client began, or the API, is kept or not as that decided, so that a trace is whole or not there.
func tracedAs(service, stage string, ratio float64) map[string]string {
	return map[string]string{
		"OTEL_SERVICE_NAME":        service,
		"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=" + stage,
		"OTEL_TRACES_SAMPLER":      "parentbased_traceidratio",
		"OTEL_TRACES_SAMPLER_ARG":  strconv.FormatFloat(ratio, 'f', -1, 64),
	}
}

// apiTracing is the environment that has the API send its spans to the collector beside it.
func apiTracing(name, stage string, c tracingConfig) map[string]string {
	env := tracedAs(name+"-api", stage, c.SampleRatio)
	// what X-Ray shows it as
	env["OTEL_RESOURCE_ATTRIBUTES"] += ",cloud.provider=aws,cloud.platform=aws_ecs,aws.ecs.launchtype=fargate"
	env["OTEL_TRACES_EXPORTER"] = "otlp"
	env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json"
	env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://" + collectorEndpoint
	return env
}

// processorTracing has the function send its spans to the daemon that Lambda runs beside it.
func processorTracing(service, stage string, c tracingConfig) map[string]string {
	env := tracedAs(service, stage, c.SampleRatio)
	env["OTEL_TRACES_EXPORTER"] = "xray"
	return env
}

// addCollector puts the collector beside the API, as a guest: its death takes no request with it, and ECS starts it
// anew.
func addCollector(api container, d deployed, s containerSettings) []container {
	c := baseContainer(collectorName, d, s, map[string]string{
		"AOT_CONFIG_CONTENT": collectorConfig(d, s),
		"GOMEMLIMIT":         fmt.Sprintf("%dMiB", collectorMemoryUsed),
	})
	c.Image, c.User = s.Tracing.Collector, collectorUser
	// the least that ECS takes
	c.Essential, c.RestartPolicy = false, &restartPolicy{Enabled: true, RestartAttemptPeriod: 60}
	c.CPU, c.Memory = collectorCPU, collectorMemory
	// CMD, as the image has no shell.
	c.HealthCheck = &containerHealth{Command: []string{"CMD", "/healthcheck"}, Interval: 10, Timeout: 5, Retries: 3,
		StartPeriod: 10}

	// A container without a share of its own would get next to nothing where the collector wants some.
	api.CPU = s.API.CPU - collectorCPU
	// ECS stops them in the other order: the API's last spans find the collector still there.
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
		processors["batch"] = object{"timeout": "1s", "send_batch_size": 50} // X-Ray takes 50 segments at a time
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

// sendTraces are the rights that sending spans takes, none where nothing is traced. X-Ray has no ARN for what is sent.
func sendTraces(on bool, actions ...string) []statement {
	if !on {
		return nil
	}
	return []statement{allow("Traces", []string{"*"}, actions...)}
}
