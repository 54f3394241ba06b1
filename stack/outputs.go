package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// outputs are the parts that have something to tell.
type outputs struct {
	network       *Network
	kafka         *Kafka
	store         *Store
	image         *Image
	edge          *Edge
	service       *Service
	processor     *Processor
	observability *Observability
}

// curlLine is a command to paste: it sends one event.
func curlLine(url string, needsKey bool) string {
	key := ""
	if needsKey {
		key = ` -H "X-API-Key: $API_KEY"`
	}
	return fmt.Sprintf(`curl -i%s -H 'content-type: application/json' -d '{"type":"order.created","data":{"n":1}}' %s/v1/events`, key, url)
}

// export publishes what a person, or the commands in stack.just, ask a stack for.
func export(ctx *pulumi.Context, c config, o outputs) {
	ctx.Export("apiUrl", o.edge.URL)
	ctx.Export("curl", o.edge.URL.ApplyT(func(url string) string { return curlLine(url, c.APIKeys != nil) }))
	ctx.Export("kafkaBootstrapServers", o.kafka.BootstrapServers)
	ctx.Export("kafkaClusterArn", o.kafka.ClusterARN)
	ctx.Export("topics", pulumi.ToStringArray([]string{c.Kafka.Topic, c.Kafka.DeadLetterTopic()}))
	ctx.Export("imageDigest", o.image.Digest)
	ctx.Export("ecrRepositoryUrl", o.image.RepositoryURL)
	ctx.Export("processorFunction", pulumi.String(o.processor.FunctionName))
	ctx.Export("consumerGroup", pulumi.String(o.processor.ConsumerGroup))
	ctx.Export("undeliveredBucket", o.processor.Undelivered)
	ctx.Export("logGroups", pulumi.StringArray{o.service.LogGroup, o.processor.LogGroup, o.kafka.LogGroup})
	ctx.Export("dashboardUrl", o.observability.DashboardURL)
	ctx.Export("alarmTopicArn", o.observability.AlarmTopicARN)
	ctx.Export("eventsTable", o.store.TableName)
	// What the operator's task is started with.
	ctx.Export("ecsCluster", o.service.ClusterName)
	ctx.Export("ecsService", o.service.ServiceName)
	ctx.Export("operatorTask", o.service.OperatorTask)
	ctx.Export("operatorLogs", o.service.LogGroup)
	ctx.Export("operatorNetwork", pulumi.Sprintf("awsvpcConfiguration={subnets=[%s],securityGroups=[%s],assignPublicIp=DISABLED}",
		o.network.PrivateSubnets[0], o.network.Groups["api"].ID()))
}
