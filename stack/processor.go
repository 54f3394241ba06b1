package main

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"event-processing-service/stack/rollout"
)

// Processor is the function and the event source mapping that feeds it.
type Processor struct {
	pulumi.ResourceState

	FunctionName  string
	Version       pulumi.StringOutput // of the function, that this deployment published
	LogGroup      pulumi.StringOutput
	ConsumerGroup string
	Undelivered   pulumi.StringOutput // bucket; "" where the mapping has no use for one
	MappingID     pulumi.StringOutput

	named namedProcessor
}

type processorArgs struct {
	Name          string
	Stage         string // dev, prod
	Protect       bool
	Key           dataKey
	Tracing       tracingConfig
	Build         build
	Topics        kafkaConfig
	Network       *Network
	Kafka         *Kafka
	Store         *Store
	SecurityGroup pulumi.StringInput
	Retention     retentionConfig
	Standby       bool // nothing is fed to it
	Privacy       *Privacy
	Encrypted     *privacyConfig
	namedProcessor
}

// processorEnvironment is what any processor of the configuration reads.
func processorEnvironment(topic, deadLetters string, c processorConfig) map[string]string {
	variables := c.Uses.variables()
	for name, value := range map[string]string{"ATTEMPT_TIMEOUT": c.AttemptTimeout, "BACKOFF_BASE": c.BackoffBase,
		"BACKOFF_CAP": c.BackoffCap, "FOREIGN_ID_MEMBER": c.ForeignIDMember, "PROCESSOR_SCHEMAS": c.Schemas} {
		if value != "" {
			variables[name] = value
		}
	}
	maps.Copy(variables, map[string]string{
		"LOG_LEVEL":              c.LogLevel,
		"KAFKA_TOPIC":            topic,
		"KAFKA_DLQ_TOPIC":        deadLetters,
		"KAFKA_AUTH":             "iam",
		"MAX_ATTEMPTS":           strconv.Itoa(c.MaxAttempts),
		"STORE":                  "dynamodb",
		"PARTIAL_BATCH_RESPONSE": strconv.FormatBool(c.Provisioned != nil && c.Provisioned.PartialBatchResponse),
	})
	return variables
}

func newProcessor(ctx *pulumi.Context, name string, args processorArgs, opts ...pulumi.ResourceOption) (*Processor,
	error) {
	p := &Processor{FunctionName: args.function(args.Name), ConsumerGroup: args.group(args.Name),
		named: args.namedProcessor}
	if err := register(ctx, "Processor", name, p, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(p)
	logs, err := cloudwatch.NewLogGroup(ctx, name, &cloudwatch.LogGroupArgs{
		Name: pulumi.String("/aws/lambda/" + p.FunctionName), RetentionInDays: pulumi.Int(args.Retention.LogDays),
		KmsKeyId: args.Key.ID(),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create log group of processor: %w", err)
	}

	// A mapping with a retry limit needs a place for what it gives up on, or those events would be gone.
	undelivered, bucketName := pulumi.String("").ToStringOutput(), pulumi.String("").ToStringOutput()
	if args.Provisioned != nil {
		bucket, _, err := newBucket(ctx, bucketArgs{
			Name: args.Name, Purpose: args.of("undelivered"), Protect: args.Protect, AccountID: args.Network.AccountID,
			Key: args.Key, KeepDays: args.Retention.UndeliveredDays,
		}, child)
		if err != nil {
			return nil, err
		}
		undelivered, bucketName = bucket.Arn, bucket.Bucket
	}
	p.Undelivered = bucketName

	execution, err := newRole(ctx, name, args.role(args.Name), "lambda.amazonaws.com",
		policyOf(func(arns []string) document {
			return processorPolicy(processorARNs{
				Cluster: arns[0], Table: arns[1], LogGroup: arns[2], Undelivered: arns[3],
				Function: p.FunctionName, Topic: args.topic(args.Topics), Published: args.Topics.eventTopics(),
				DeadLetters: args.deadLetters(args.Topics), Group: p.ConsumerGroup,
				Traced: args.Tracing.Enabled, Uses: args.Uses,
			}).withSubjectKeys(arns[5], arns[6]).withKey(arns[4])
		}, args.Kafka.ClusterARN, args.Store.TableARN, logs.Arn, undelivered, args.Key.ARN(), args.Privacy.TableARN,
			args.Privacy.KeyARN), child)
	if err != nil {
		return nil, err
	}

	environment := pulumi.StringMap{"KAFKA_BOOTSTRAP_SERVERS": args.Kafka.BootstrapServers,
		"EVENTS_TABLE":      args.Store.TableName,
		"OUTCOME_RETENTION": pulumi.String(args.Retention.outcomeRetention())}
	for key, value := range args.environment(args.Topics) {
		environment[key] = pulumi.String(value)
	}
	for key, value := range args.Encrypted.variables(args.Name) {
		environment[key] = pulumi.String(value)
	}
	tracing := "PassThrough" // none
	if args.Tracing.Enabled {
		tracing = "Active" // and the daemon that the processor's spans go to
		for key, value := range processorTracing(args.of(args.Name+"-processor"), args.Stage, args.Tracing) {
			environment[key] = pulumi.String(value)
		}
	}
	var reserved pulumi.IntPtrInput // none
	if args.ReservedConcurrency > 0 {
		reserved = pulumi.Int(args.ReservedConcurrency)
	}
	settings := &lambda.FunctionArgs{
		Name:        pulumi.String(p.FunctionName),
		Description: pulumi.String("Acts on each event of " + args.topic(args.Topics) + " once"),
		Runtime:     pulumi.String("provided.al2023"), Handler: pulumi.String("bootstrap"),
		Architectures: pulumi.StringArray{pulumi.String("arm64")},
		Role:          execution.ARN,
		MemorySize:    pulumi.Int(args.Memory), ReservedConcurrentExecutions: reserved,
		Timeout:     pulumi.Int(args.TimeoutSeconds),
		Publish:     pulumi.Bool(true), // a version for each change, which the alias can go back to
		Environment: &lambda.FunctionEnvironmentArgs{Variables: environment}, KmsKeyArn: args.Key.ID(),
		LoggingConfig: &lambda.FunctionLoggingConfigArgs{
			LogFormat: pulumi.String("JSON"), LogGroup: logs.Name,
			// The processor filters by LOG_LEVEL. Lambda takes a line that it cannot read a level from as INFO, and would
			// drop errors at a higher level than that.
			ApplicationLogLevel: pulumi.String("TRACE"), SystemLogLevel: pulumi.String("INFO"),
		},
		TracingConfig: &lambda.FunctionTracingConfigArgs{Mode: pulumi.String(tracing)},
		// In the VPC for its dead letters, and what its handlers use there: the mapping brings the events.
		VpcConfig: &lambda.FunctionVpcConfigArgs{SubnetIds: args.Network.PrivateSubnets,
			SecurityGroupIds: pulumi.StringArray{args.SecurityGroup}},
	}
	args.Build.code(settings)
	function, err := lambda.NewFunction(ctx, name, settings, child,
		pulumi.DependsOn(append([]pulumi.Resource{execution.Policy}, args.Network.Rules...)))
	if err != nil {
		return nil, fmt.Errorf("create function: %w", err)
	}
	live, err := p.alias(ctx, args, function)
	if err != nil {
		return nil, err
	}
	if err := p.mapping(ctx, args, live, execution, undelivered); err != nil {
		return nil, err
	}
	p.LogGroup = logs.Name
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"function": function.Name})
}

// alias is the version that gets the events. With a canary, the alias is made here and moved by stack/rollout, step by
// step: the engine must not see that as drift, or move it back.
func (p *Processor) alias(ctx *pulumi.Context, args processorArgs, function *lambda.Function) (*lambda.Alias, error) {
	options := []pulumi.ResourceOption{pulumi.Parent(p)}
	if args.Canary != nil {
		options = append(options, pulumi.IgnoreChanges([]string{"functionVersion", "routingConfig"}))
	}
	live, err := lambda.NewAlias(ctx, args.of(rollout.Alias), &lambda.AliasArgs{
		Name: pulumi.String(rollout.Alias), Description: pulumi.String("The version that the events go to"),
		FunctionName: function.Name, FunctionVersion: function.Version,
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("create alias %s: %w", rollout.Alias, err)
	}
	p.Version = function.Version
	return live, nil
}

// mapping connects the topic with the function. AWS polls with the function's role, from the cluster's own subnets.
func (p *Processor) mapping(ctx *pulumi.Context, args processorArgs, live *lambda.Alias, execution role,
	undelivered pulumi.StringOutput) error {
	settings := &lambda.EventSourceMappingArgs{
		EventSourceArn: args.Kafka.ClusterARN,
		FunctionName:   live.Arn,
		Topics:         pulumi.StringArray{pulumi.String(args.topic(args.Topics))},
		// LATEST would miss what is sent in the minutes that a mapping takes to start.
		StartingPosition: pulumi.String("TRIM_HORIZON"),
		// A name of our own: lag is measured by it, and a new mapping goes on where the old one stopped.
		AmazonManagedKafkaEventSourceConfig: &lambda.EventSourceMappingAmazonManagedKafkaEventSourceConfigArgs{
			ConsumerGroupId: pulumi.String(p.ConsumerGroup),
		},
		BatchSize: pulumi.Int(args.BatchSize),
		Enabled:   pulumi.Bool(!args.Standby),
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
		settings.MetricsConfig = &lambda.EventSourceMappingMetricsConfigArgs{
			Metrics: pulumi.StringArray{pulumi.String("EventCount")},
		}
	}
	// Without topics the mapping would sit in a problem state, and without rights and routes too.
	needs := append([]pulumi.Resource{execution.Policy}, args.Kafka.Topics...)
	mapping, err := lambda.NewEventSourceMapping(ctx, args.of("events"), settings, pulumi.Parent(p),
		pulumi.DependsOn(append(needs, args.Network.Rules...)),
		// Two mappings can't share a consumer group, so the old one goes before its replacement comes.
		pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return fmt.Errorf("create event source mapping: %w", err)
	}
	p.MappingID = mapping.Uuid
	return nil
}
