package main

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Service is the API on Fargate, and the operator's task beside it.
type Service struct {
	pulumi.ResourceState

	ClusterName    pulumi.StringOutput
	ClusterARN     pulumi.StringOutput
	ServiceName    pulumi.StringOutput
	LogGroup       pulumi.StringOutput
	KeysSecret     pulumi.StringOutput // name of the API keys' secret, "" without
	KeysARN        pulumi.StringOutput // its ARN
	TaskDefinition pulumi.StringOutput // ARN of the one that the service runs
	OperatorTask   pulumi.StringOutput // ARN of the task definition that runs eventctl
}

type serviceArgs struct {
	Name          string
	Protect       bool
	Key           dataKey
	Settings      containerSettings
	APIKeys       pulumi.StringInput // nil: none are given
	MakeKey       bool               // make one where none are given
	Network       *Network
	Kafka         *Kafka
	Store         *Store
	Cache         *Cache
	Archive       archiveToRead
	Privacy       *Privacy
	Image         *Image
	Edge          *Edge
	Alarms        []pulumi.Resource // that take a roll-out back, among others
	SecurityGroup pulumi.StringInput
	Topics        kafkaConfig
	Retention     retentionConfig
	Standby       bool // no task runs
	Processors    []namedProcessor
	CanaryKey     pulumi.StringInput // ARN of its secret, "" without
}

// autoscales reports whether an autoscaler is to set the number of tasks: it would start some of a stack that stands
// by.
func (a serviceArgs) autoscales() bool { return a.Settings.API.Autoscales() && !a.Standby }

func (a serviceArgs) tasks() int {
	if a.Standby {
		return 0
	}
	return a.Settings.API.MinTasks
}

func newService(ctx *pulumi.Context, name string, args serviceArgs, opts ...pulumi.ResourceOption) (*Service, error) {
	s := &Service{}
	if err := register(ctx, "Service", name, s, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(s)
	cluster, err := ecs.NewCluster(ctx, "cluster", &ecs.ClusterArgs{Name: pulumi.String(args.Name)}, child)
	if err != nil {
		return nil, fmt.Errorf("create ECS cluster: %w", err)
	}
	logs, err := cloudwatch.NewLogGroup(ctx, "api", &cloudwatch.LogGroupArgs{
		Name:            pulumi.Sprintf("/ecs/%s-api-service/%s", args.Name, args.Name),
		RetentionInDays: pulumi.Int(args.Retention.LogDays), KmsKeyId: args.Key.ID(),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create log group of API: %w", err)
	}
	metricsLog, metricsLogARN, err := newMetricsLog(ctx, args, child)
	if err != nil {
		return nil, err
	}
	keys, stored, err := s.apiKeysSecret(ctx, args, child)
	if err != nil {
		return nil, err
	}
	execution, err := newRole(ctx, "execution", args.Name+"-execution", "ecs-tasks.amazonaws.com",
		policyOf(func(arns []string) document {
			return executionPolicy(arns[0], args.Settings.collectorRepository(), arns[1])
		}, args.Image.RepositoryARN, logs.Arn), child)
	if err != nil {
		return nil, err
	}
	task, err := newRole(ctx, "api", args.Name+"-api", "ecs-tasks.amazonaws.com",
		policyOf(func(arns []string) document {
			return apiPolicy(apiARNs{
				Cluster: arns[0], Topics: args.Topics.eventTopics(), Table: arns[1], Keys: arns[2], MetricsLog: arns[3],
				Cache: arns[4], CacheUser: arns[5], CanaryKey: arns[9], Traced: args.Settings.Tracing.Enabled,
			}).withSubjectKeys(arns[7], arns[8]).withKey(arns[6])
		}, args.Kafka.ClusterARN, args.Store.TableARN, keys, metricsLogARN, args.Cache.ARN, args.Cache.UserARN,
			args.Key.ARN(), args.Privacy.TableARN, args.Privacy.KeyARN, args.CanaryKey), child)
	if err != nil {
		return nil, err
	}
	operator, err := newRole(ctx, "operator", args.Name+"-operator", "ecs-tasks.amazonaws.com",
		operatorRights(args), child)
	if err != nil {
		return nil, err
	}

	known := pulumi.StringArray{args.Image.Digest, args.Kafka.BootstrapServers, args.Store.TableName, logs.Name,
		stored, args.Edge.URL, metricsLog, args.Cache.URL, args.Network.Proxies,
		args.Archive.URL, args.CanaryKey}
	write := func(containers func(deployed, containerSettings) []container) pulumi.StringOutput {
		return known.ToStringArrayOutput().ApplyT(func(v []string) string {
			return containersJSON(containers(deployed{Image: v[0], BootstrapServers: v[1], Table: v[2], LogGroup: v[3],
				APIKeys: v[4], URL: v[5], MetricsLog: v[6], RateLimitURL: v[7], Proxies: v[8], ArchiveURL: v[9], CanaryKey: v[10]},
				args.Settings))
		}).(pulumi.StringOutput)
	}
	size := args.Settings.API
	definition, err := newTaskDefinition(ctx, taskArgs{"api", args.Name + "-api", size.CPU, size.Memory,
		write(apiContainers), execution, task}, child)
	if err != nil {
		return nil, err
	}
	tool, err := newTaskDefinition(ctx, taskArgs{"operator", args.Name + "-operator", size.CPU, size.Memory,
		write(operatorContainers), execution, operator}, child)
	if err != nil {
		return nil, err
	}

	service, err := s.service(ctx, args, cluster, definition, execution, task)
	if err != nil {
		return nil, err
	}
	if args.autoscales() {
		if err := autoscale(ctx, args.Settings.API, cluster.Name, service.Name, args.Edge, child); err != nil {
			return nil, err
		}
	}
	s.ClusterName, s.ClusterARN, s.ServiceName, s.LogGroup = cluster.Name, cluster.Arn, service.Name, logs.Name
	s.TaskDefinition, s.OperatorTask = definition.Arn, tool.Arn
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"service": s.ServiceName})
}

func (s *Service) service(ctx *pulumi.Context, args serviceArgs, cluster *ecs.Cluster, definition *ecs.TaskDefinition,
	execution, task role) (*ecs.Service, error) {
	// Data flow says nothing of these: the listener that the target group needs, the rights of the roles, the topics,
	// the alarms, and the network's rules and routes.
	needs := append([]pulumi.Resource{args.Edge.Listener, execution.Policy, task.Policy}, args.Kafka.Topics...)
	needs = append(needs, args.Alarms...) // ECS takes names of alarms that exist
	options := []pulumi.ResourceOption{pulumi.Parent(s), pulumi.DependsOn(append(needs, args.Network.Rules...))}
	if args.autoscales() {
		// The autoscaler's number is the right one: a deployment must not take tasks away under load.
		options = append(options, pulumi.IgnoreChanges([]string{"desiredCount"}))
	}
	service, err := ecs.NewService(ctx, "api", &ecs.ServiceArgs{
		Name: pulumi.String(args.Name + "-api"), Cluster: cluster.Arn, TaskDefinition: definition.Arn,
		LaunchType: pulumi.String("FARGATE"), DesiredCount: pulumi.Int(args.tasks()),
		NetworkConfiguration: &ecs.ServiceNetworkConfigurationArgs{
			Subnets: args.Network.PrivateSubnets, SecurityGroups: pulumi.StringArray{args.SecurityGroup},
			AssignPublicIp: pulumi.Bool(false),
		},
		LoadBalancers: ecs.ServiceLoadBalancerArray{&ecs.ServiceLoadBalancerArgs{
			TargetGroupArn: args.Edge.TargetGroup.Arn, ContainerName: pulumi.String("api"), ContainerPort: pulumi.Int(apiPort),
		}},
		// New tasks first, old ones after: never fewer than wanted.
		DeploymentMinimumHealthyPercent: pulumi.Int(100),
		DeploymentMaximumPercent:        pulumi.Int(200),
		DeploymentCircuitBreaker: &ecs.ServiceDeploymentCircuitBreakerArgs{Enable: pulumi.Bool(true),
			Rollback: pulumi.Bool(true)},
		// Tasks that start and then fail their clients go back, too.
		Alarms: &ecs.ServiceAlarmsArgs{AlarmNames: pulumi.ToStringArray(alarmNames(args.Name, apiRollOutAlarms)),
			Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true)},
		AvailabilityZoneRebalancing:   pulumi.String("ENABLED"),
		HealthCheckGracePeriodSeconds: pulumi.Int(30),
		// `pulumi up` ends when the new tasks serve, and not when AWS has heard of them.
		WaitForSteadyState:   pulumi.Bool(true),
		PropagateTags:        pulumi.String("SERVICE"),
		EnableEcsManagedTags: pulumi.Bool(true),
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("create ECS service: %w", err)
	}
	return service, nil
}

// taskArgs are a task's. Family is what it is called in AWS, memory in MiB.
type taskArgs struct {
	name, family    string
	cpu, memory     int
	containers      pulumi.StringInput
	execution, task role
}

func newTaskDefinition(ctx *pulumi.Context, args taskArgs, child pulumi.ResourceOption) (*ecs.TaskDefinition, error) {
	definition, err := ecs.NewTaskDefinition(ctx, args.name, &ecs.TaskDefinitionArgs{
		Family:                  pulumi.String(args.family),
		RequiresCompatibilities: pulumi.StringArray{pulumi.String("FARGATE")},
		NetworkMode:             pulumi.String("awsvpc"),
		RuntimePlatform: &ecs.TaskDefinitionRuntimePlatformArgs{CpuArchitecture: pulumi.String("ARM64"),
			OperatingSystemFamily: pulumi.String("LINUX")},
		Cpu:                  pulumi.String(strconv.Itoa(args.cpu)),
		Memory:               pulumi.String(strconv.Itoa(args.memory)),
		ExecutionRoleArn:     args.execution.ARN,
		TaskRoleArn:          args.task.ARN,
		ContainerDefinitions: args.containers,
	}, child, pulumi.DependsOn([]pulumi.Resource{args.execution.Policy, args.task.Policy}))
	if err != nil {
		return nil, fmt.Errorf("create task definition %s: %w", args.name, err)
	}
	return definition, nil
}

// madeKeysClient is the client whose key the program makes.
const madeKeysClient = "first-client"

// apiKeysSecret stores the keys and returns the secret's ARN, which is empty without keys: arn for policies, stored for
// tasks, as it is known only when there is a value to be found. The tasks read it again each minute, so new keys need
// no roll-out: those of the configuration, and those that eventctl stores beside this program.
func (s *Service) apiKeysSecret(
	ctx *pulumi.Context, args serviceArgs, child pulumi.ResourceOrInvokeOption,
) (arn, stored pulumi.StringOutput, err error) {
	none := pulumi.String("").ToStringOutput()
	s.KeysSecret, s.KeysARN = none, none
	// eventctl moves the stage to the versions that it stores, which is no change of this one.
	ignored := []string{"versionStages"}
	keys := args.APIKeys
	if keys == nil && args.MakeKey {
		// AWS makes another one at each run, and the first is kept: until keys are given, or the secret is replaced.
		made := secretsmanager.GetRandomPasswordOutput(ctx, secretsmanager.GetRandomPasswordOutputArgs{
			PasswordLength: pulumi.Int(40), ExcludePunctuation: pulumi.Bool(true),
		}, child)
		keys = pulumi.ToSecret(pulumi.Sprintf(`{"%s":"%s"}`, madeKeysClient, made.RandomPassword())).(pulumi.StringOutput)
		ignored = append(ignored, "secretString")
	}
	if keys == nil {
		return none, none, nil
	}
	secret, err := secretsmanager.NewSecret(ctx, "api-keys", &secretsmanager.SecretArgs{
		Name:                 pulumi.String(args.Name + "/api-keys"),
		Description:          pulumi.String("Keys that clients of the API send, by client"),
		RecoveryWindowInDays: recoveryWindow(args.Protect), KmsKeyId: args.Key.ID(),
	}, child)
	if err != nil {
		return none, none, fmt.Errorf("create secret of API keys: %w", err)
	}
	value, err := secretsmanager.NewSecretVersion(ctx, "api-keys",
		&secretsmanager.SecretVersionArgs{SecretId: secret.ID(), SecretString: keys.ToStringOutput()}, child,
		pulumi.IgnoreChanges(ignored))
	if err != nil {
		return none, none, fmt.Errorf("store API keys: %w", err)
	}
	s.KeysSecret, s.KeysARN = secret.Name, secret.Arn
	both := pulumi.All(secret.Arn, value.VersionId)
	stored = both.ApplyT(func(v []any) string { return v[0].(string) }).(pulumi.StringOutput)
	return secret.Arn, stored, nil
}

// recoveryWindow is for how many days a deleted secret can be restored. Unprotected, its name is free again at once.
func recoveryWindow(protect bool) pulumi.Int {
	if protect {
		return 30
	}
	return 0
}
