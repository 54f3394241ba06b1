package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// outputs are the components from which the stack exports values.
type outputs struct {
	network       *Network
	kafka         *Kafka
	store         *Store
	image         *Image
	edge          *Edge
	service       *Service
	archive       *Archive
	processors    []*Processor // the first, and the others
	canary        *Canary
	rotation      *Rotation
	observability *Observability
}

// curlLine is a command to paste: it sends one event.
func curlLine(url string, needsKey bool) string {
	key := ""
	if needsKey {
		key = ` -H "X-API-Key: $API_KEY"`
	}
	return fmt.Sprintf(`curl -i%s -H 'content-type: application/json' `+
		`-d '{"type":"order.created","data":{"n":1}}' %s/v1/events`, key, url)
}

// export exports what people and the commands in stack.just need.
func export(ctx *pulumi.Context, c config, what build, o outputs) {
	ctx.Export("apiUrl", o.edge.URL)
	ctx.Export("curl", o.edge.URL.ApplyT(func(url string) string {
		return curlLine(url, c.needsKey())
	}))
	ctx.Export("apiKeysSecret", o.service.KeysSecret)
	ctx.Export("kafkaBootstrapServers", o.kafka.BootstrapServers)
	ctx.Export("kafkaClusterArn", o.kafka.ClusterARN)
	topics := c.Kafka.eventTopics()
	logGroups := pulumi.StringArray{o.service.LogGroup, o.processors[0].LogGroup, o.kafka.LogGroup}
	others := pulumi.Map{}
	for _, p := range o.processors {
		letters := p.named.deadLetters(c.Kafka)
		topics = append(topics, letters)
		if p.named.ID != "" {
			logGroups = append(logGroups, p.LogGroup)
			others[p.named.ID] = p.output(c, letters)
		}
	}
	if c.Canary.Enabled {
		logGroups = append(logGroups, o.canary.LogGroup)
	}
	if c.rotates() {
		logGroups = append(logGroups, o.rotation.LogGroup)
	}
	ctx.Export("topics", pulumi.ToStringArray(topics))
	ctx.Export("imageDigest", o.image.Digest)
	// `rolled-out` compares these with what serves.
	ctx.Export("imageTag", pulumi.String(what.Version))
	if a := what.Artifact; a != nil {
		ctx.Export("artifact", pulumi.Map{"version": pulumi.String(a.Version), "image": pulumi.String(a.Image),
			"function": pulumi.StringMap{"key": pulumi.String(a.Function.Key), "sha256": pulumi.String(a.Function.SHA256)}})
	}
	ctx.Export("taskDefinition", o.service.TaskDefinition)
	ctx.Export("ecrRepositoryUrl", o.image.RepositoryURL)
	ctx.Export("processorFunction", pulumi.String(o.processors[0].FunctionName))
	ctx.Export("processorVersion", o.processors[0].Version)
	if canary := c.Processor.Canary; canary != nil {
		ctx.Export("canary", canary.output())
	}
	ctx.Export("apiAlarms", pulumi.ToStringArray(alarmNames(c.Name, apiRollOutAlarms)))
	ctx.Export("watchedAlarms", pulumi.ToStringArray(alarmNames(c.Name, processorRollOutAlarms)))
	ctx.Export("consumerGroup", pulumi.String(o.processors[0].ConsumerGroup))
	if c.Archive.Enabled {
		ctx.Export("archiveUrl", o.archive.URL)
		ctx.Export("archiveCopies", o.archive.Copies)
		ctx.Export("archiveCopiesKey", o.archive.CopiesKey)
		ctx.Export("archiveWorkgroup", pulumi.String(c.Name+"-archive"))
	}
	ctx.Export("undeliveredBucket", o.processors[0].Undelivered)
	if len(others) > 0 {
		ctx.Export("processors", others)
	}
	ctx.Export("logGroups", logGroups)
	ctx.Export("dashboardUrl", o.observability.DashboardURL)
	ctx.Export("alarmTopicArn", o.observability.AlarmTopicARN)
	ctx.Export("eventsTable", o.store.TableName)
	// The arguments that start the operator's task.
	ctx.Export("ecsCluster", o.service.ClusterName)
	ctx.Export("ecsService", o.service.ServiceName)
	ctx.Export("operatorTask", o.service.OperatorTask)
	ctx.Export("operatorLogs", o.service.LogGroup)
	ctx.Export("operatorNetwork", pulumi.Sprintf(
		"awsvpcConfiguration={subnets=[%s],securityGroups=[%s],assignPublicIp=DISABLED}",
		o.network.PrivateSubnets[0], o.network.Groups["api"].ID()))
}

// output is what the stack exports of each further processor.
func (p *Processor) output(c config, deadLetters string) pulumi.Map {
	var watched []string
	for _, kind := range processorRollOutAlarms {
		watched = append(watched, p.named.of(kind))
	}
	told := pulumi.Map{"function": pulumi.String(p.FunctionName), "version": p.Version,
		"consumerGroup": pulumi.String(p.ConsumerGroup), "deadLetters": pulumi.String(deadLetters),
		"undeliveredBucket": p.Undelivered, "watchedAlarms": pulumi.ToStringArray(alarmNames(c.Name, watched))}
	if canary := p.named.Canary; canary != nil {
		told["canary"] = canary.output()
	}
	return told
}

func (c canaryConfig) output() pulumi.IntMap {
	return pulumi.IntMap{"percent": pulumi.Int(c.Percent), "minutes": pulumi.Int(c.Minutes)}
}
