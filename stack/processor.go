package main

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// undeliveredDays is how long a batch stays that could not even be dead-lettered.
const undeliveredDays = 30

// Processor is the function and the event source mapping that feeds it.
type Processor struct {
	pulumi.ResourceState

	FunctionName  string
	LogGroup      pulumi.StringOutput
	ConsumerGroup string
	Undelivered   pulumi.StringOutput // bucket; "" where the mapping has no use for one
	MappingID     pulumi.StringOutput
}

// consumerGroup is the mapping's, by the name of the stack's resources.
func consumerGroup(name string) string { return name + "-processor" }

type processorArgs struct {
	Name          string
	Stage         string // dev, prod
	Protect       bool
	Tracing       tracingConfig
	Zip           string // path of the function's archive
	Topic         string
	DeadLetters   string
	Network       *Network
	Kafka         *Kafka
	Store         *Store
	SecurityGroup pulumi.StringInput
	processorConfig
}

// processorEnvironment is exactly what the processor reads, but for what only deployment knows.
func processorEnvironment(topic, deadLetters string, c processorConfig) map[string]string {
	return map[string]string{
		"LOG_LEVEL":              c.LogLevel,
		"KAFKA_TOPIC":            topic,
		"KAFKA_DLQ_TOPIC":        deadLetters,
		"KAFKA_AUTH":             "iam",
		"MAX_ATTEMPTS":           strconv.Itoa(c.MaxAttempts),
		"STORE":                  "dynamodb",
		"PARTIAL_BATCH_RESPONSE": strconv.FormatBool(c.Provisioned != nil && c.Provisioned.PartialBatchResponse),
	}
}

func newProcessor(ctx *pulumi.Context, name string, args processorArgs, opts ...pulumi.ResourceOption) (*Processor, error) {
	p := &Processor{FunctionName: args.Name + "-event-processor", ConsumerGroup: consumerGroup(args.Name)}
	if err := register(ctx, "Processor", name, p, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(p)
	logs, err := cloudwatch.NewLogGroup(ctx, "processor", &cloudwatch.LogGroupArgs{
		Name: pulumi.String("/aws/lambda/" + p.FunctionName), RetentionInDays: pulumi.Int(args.LogRetentionDays),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create log group of processor: %w", err)
	}

	// A mapping with a retry limit needs a place for what it gives up on, or those events would be gone.
	undelivered, bucketName := pulumi.String("").ToStringOutput(), pulumi.String("").ToStringOutput()
	if args.Provisioned != nil {
		bucket, _, err := newBucket(ctx, bucketArgs{
			Name: args.Name, Purpose: "undelivered", Protect: args.Protect, AccountID: args.Network.AccountID, KeepDays: undeliveredDays,
		}, child)
		if err != nil {
			return nil, err
		}
		undelivered, bucketName = bucket.Arn, bucket.Bucket
	}
	p.Undelivered = bucketName

	execution, err := newRole(ctx, "processor", args.Name+"-processor", "lambda.amazonaws.com",
		policyOf(func(arns []string) document {
			return processorPolicy(processorARNs{
				Cluster: arns[0], Table: arns[1], LogGroup: arns[2], Undelivered: arns[3],
				Topic: args.Topic, DeadLetters: args.DeadLetters, Group: p.ConsumerGroup, Traced: args.Tracing.Enabled,
			})
		}, args.Kafka.ClusterARN, args.Store.TableARN, logs.Arn, undelivered), child)
	if err != nil {
		return nil, err
	}

	environment := pulumi.StringMap{"KAFKA_BOOTSTRAP_SERVERS": args.Kafka.BootstrapServers, "EVENTS_TABLE": args.Store.TableName}
	for key, value := range processorEnvironment(args.Topic, args.DeadLetters, args.processorConfig) {
		environment[key] = pulumi.String(value)
	}
	tracing := "PassThrough" // none
	if args.Tracing.Enabled {
		tracing = "Active" // and the daemon that the processor's spans go to
		for key, value := range processorTracing(args.Name, args.Stage, args.Tracing) {
			environment[key] = pulumi.String(value)
		}
	}
	function, err := lambda.NewFunction(ctx, "processor", &lambda.FunctionArgs{
		Name: pulumi.String(p.FunctionName), Description: pulumi.String("Acts on each event of " + args.Topic + " once"),
		Runtime: pulumi.String("provided.al2023"), Handler: pulumi.String("bootstrap"), Architectures: pulumi.StringArray{pulumi.String("arm64")},
		Code:        pulumi.NewFileArchive(args.Zip),
		Role:        execution.ARN,
		MemorySize:  pulumi.Int(args.Memory),
		Timeout:     pulumi.Int(args.TimeoutSeconds),
		Environment: &lambda.FunctionEnvironmentArgs{Variables: environment},
		LoggingConfig: &lambda.FunctionLoggingConfigArgs{
			LogFormat: pulumi.String("JSON"), LogGroup: logs.Name,
			// The processor filters by LOG_LEVEL. Lambda takes a line that it cannot read a level from as INFO, and would
			// drop errors at a higher level than that.
			ApplicationLogLevel: pulumi.String("TRACE"), SystemLogLevel: pulumi.String("INFO"),
		},
		TracingConfig: &lambda.FunctionTracingConfigArgs{Mode: pulumi.String(tracing)},
		// In the VPC for its dead letters alone: the mapping brings the events.
		VpcConfig: &lambda.FunctionVpcConfigArgs{SubnetIds: args.Network.PrivateSubnets, SecurityGroupIds: pulumi.StringArray{args.SecurityGroup}},
	}, child, pulumi.DependsOn(append([]pulumi.Resource{execution.Policy}, args.Network.Rules...)))
	if err != nil {
		return nil, fmt.Errorf("create function: %w", err)
	}
	if err := p.mapping(ctx, args, function, execution, undelivered); err != nil {
		return nil, err
	}
	p.LogGroup = logs.Name
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"function": function.Name})
}

// mapping connects the topic with the function. AWS polls with the function's role, from the cluster's own subnets.
func (p *Processor) mapping(ctx *pulumi.Context, args processorArgs, function *lambda.Function, execution role, undelivered pulumi.StringOutput) error {
	settings := &lambda.EventSourceMappingArgs{
		EventSourceArn: args.Kafka.ClusterARN,
		FunctionName:   function.Arn,
		Topics:         pulumi.StringArray{pulumi.String(args.Topic)},
		// LATEST would miss what is sent in the minutes that a mapping takes to start.
		StartingPosition: pulumi.String("TRIM_HORIZON"),
		// A name of our own: lag is measured by it, and a new mapping goes on where the old one stopped.
		AmazonManagedKafkaEventSourceConfig: &lambda.EventSourceMappingAmazonManagedKafkaEventSourceConfigArgs{ConsumerGroupId: pulumi.String(p.ConsumerGroup)},
		BatchSize:                           pulumi.Int(args.BatchSize),
		// No MaximumBatchingWindowInSeconds: Kafka's default of 500 ms can't be set again once it was changed.
	}
	if c := args.Provisioned; c != nil {
		settings.ProvisionedPollerConfig = &lambda.EventSourceMappingProvisionedPollerConfigArgs{
			MinimumPollers: pulumi.Int(c.MinimumPollers), MaximumPollers: pulumi.Int(c.MaximumPollers),
		}
		if c.PartialBatchResponse {
			settings.FunctionResponseTypes = pulumi.StringArray{pulumi.String("ReportBatchItemFailures")}
		}
		settings.BisectBatchOnFunctionError = pulumi.Bool(c.BisectBatch)
		settings.MaximumRetryAttempts = pulumi.Int(c.MaximumRetryAttempts)
		settings.MaximumRecordAgeInSeconds = pulumi.Int(c.MaximumRecordAgeSeconds)
		// S3 takes the events themselves, where a queue would take only their offsets.
		settings.DestinationConfig = &lambda.EventSourceMappingDestinationConfigArgs{
			OnFailure: &lambda.EventSourceMappingDestinationConfigOnFailureArgs{DestinationArn: undelivered},
		}
		// Counts what ends there, for the alarm.
		settings.MetricsConfig = &lambda.EventSourceMappingMetricsConfigArgs{Metrics: pulumi.StringArray{pulumi.String("EventCount")}}
	}
	// Without topics the mapping would sit in a problem state, and without rights and routes too.
	needs := append([]pulumi.Resource{execution.Policy}, args.Kafka.Topics...)
	mapping, err := lambda.NewEventSourceMapping(ctx, "events", settings, pulumi.Parent(p),
		pulumi.DependsOn(append(needs, args.Network.Rules...)),
		// Two mappings can't share a consumer group, so the old one goes before its replacement comes.
		pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return fmt.Errorf("create event source mapping: %w", err)
	}
	p.MappingID = mapping.Uuid
	return nil
}
