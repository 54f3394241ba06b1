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

	ClusterName  pulumi.StringOutput
	ServiceName  pulumi.StringOutput
	LogGroup     pulumi.StringOutput
	OperatorTask pulumi.StringOutput // ARN of the task definition that runs eventctl
}

type serviceArgs struct {
	Name          string
	Protect       bool
	Settings      containerSettings
	APIKeys       pulumi.StringInput // nil: open
	Network       *Network
	Kafka         *Kafka
	Store         *Store
	Image         *Image
	Edge          *Edge
	SecurityGroup pulumi.StringInput
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
		RetentionInDays: pulumi.Int(args.Settings.API.LogRetentionDays),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create log group of API: %w", err)
	}
	secretARN, secretVersion, err := apiKeysSecret(ctx, args, child)
	if err != nil {
		return nil, err
	}
	execution, err := newRole(ctx, "execution", args.Name+"-execution", "ecs-tasks.amazonaws.com",
		policyOf(func(arns []string) document { return executionPolicy(arns[0], arns[1], arns[2]) }, args.Image.RepositoryARN, logs.Arn, secretARN), child)
	if err != nil {
		return nil, err
	}
	task, err := newRole(ctx, "api", args.Name+"-api", "ecs-tasks.amazonaws.com",
		policyOf(func(arns []string) document {
			return apiPolicy(arns[0], args.Settings.Topic, arns[1], args.Settings.Tracing.Enabled)
		}, args.Kafka.ClusterARN, args.Store.TableARN), child)
	if err != nil {
		return nil, err
	}
	operator, err := newRole(ctx, "operator", args.Name+"-operator", "ecs-tasks.amazonaws.com",
		policyOf(func(arns []string) document {
			return operatorPolicy(arns[0], args.Settings.Topic, args.Settings.DeadLetters, consumerGroup(args.Name))
		}, args.Kafka.ClusterARN), child)
	if err != nil {
		return nil, err
	}

	known := pulumi.StringArray{args.Image.Digest, args.Kafka.BootstrapServers, args.Store.TableName, logs.Name, secretVersion, args.Edge.URL}
	write := func(containers func(deployed, containerSettings) []container) pulumi.StringOutput {
		return known.ToStringArrayOutput().ApplyT(func(v []string) string {
			return containersJSON(containers(deployed{Image: v[0], BootstrapServers: v[1], Table: v[2], LogGroup: v[3], APIKeys: v[4], URL: v[5]}, args.Settings))
		}).(pulumi.StringOutput)
	}
	definition, err := newTaskDefinition(ctx, "api", args, write(apiContainers), execution, task, child)
	if err != nil {
		return nil, err
	}
	tool, err := newTaskDefinition(ctx, "operator", args, write(operatorContainers), execution, operator, child)
	if err != nil {
		return nil, err
	}

	service, err := s.service(ctx, args, cluster, definition, execution, task)
	if err != nil {
		return nil, err
	}
	if args.Settings.API.Autoscales() {
		if err := autoscale(ctx, args.Settings.API, cluster.Name, service.Name, args.Edge, child); err != nil {
			return nil, err
		}
	}
	s.ClusterName, s.ServiceName, s.LogGroup, s.OperatorTask = cluster.Name, service.Name, logs.Name, tool.Arn
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"service": s.ServiceName})
}

func (s *Service) service(ctx *pulumi.Context, args serviceArgs, cluster *ecs.Cluster, definition *ecs.TaskDefinition, execution, task role) (*ecs.Service, error) {
	// Data flow says nothing of these: the listener that the target group needs, the rights of the roles, the topics,
	// and the network's rules and routes.
	needs := append([]pulumi.Resource{args.Edge.Listener, execution.Policy, task.Policy}, args.Kafka.Topics...)
	options := []pulumi.ResourceOption{pulumi.Parent(s), pulumi.DependsOn(append(needs, args.Network.Rules...))}
	if args.Settings.API.Autoscales() {
		// The autoscaler's number is the right one: a deployment must not take tasks away under load.
		options = append(options, pulumi.IgnoreChanges([]string{"desiredCount"}))
	}
	service, err := ecs.NewService(ctx, "api", &ecs.ServiceArgs{
		Name: pulumi.String(args.Name + "-api"), Cluster: cluster.Arn, TaskDefinition: definition.Arn,
		LaunchType: pulumi.String("FARGATE"), DesiredCount: pulumi.Int(args.Settings.API.MinTasks),
		NetworkConfiguration: &ecs.ServiceNetworkConfigurationArgs{
			Subnets: args.Network.PrivateSubnets, SecurityGroups: pulumi.StringArray{args.SecurityGroup}, AssignPublicIp: pulumi.Bool(false),
		},
		LoadBalancers: ecs.ServiceLoadBalancerArray{&ecs.ServiceLoadBalancerArgs{
			TargetGroupArn: args.Edge.TargetGroup.Arn, ContainerName: pulumi.String("api"), ContainerPort: pulumi.Int(apiPort),
		}},
		// New tasks first, old ones after: never fewer than wanted.
		DeploymentMinimumHealthyPercent: pulumi.Int(100),
		DeploymentMaximumPercent:        pulumi.Int(200),
		DeploymentCircuitBreaker:        &ecs.ServiceDeploymentCircuitBreakerArgs{Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true)},
		AvailabilityZoneRebalancing:     pulumi.String("ENABLED"),
		HealthCheckGracePeriodSeconds:   pulumi.Int(30),
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

func newTaskDefinition(ctx *pulumi.Context, name string, args serviceArgs, containers pulumi.StringInput, execution, task role, child pulumi.ResourceOption) (*ecs.TaskDefinition, error) {
	definition, err := ecs.NewTaskDefinition(ctx, name, &ecs.TaskDefinitionArgs{
		Family:                  pulumi.String(args.Name + "-" + name),
		RequiresCompatibilities: pulumi.StringArray{pulumi.String("FARGATE")},
		NetworkMode:             pulumi.String("awsvpc"),
		RuntimePlatform:         &ecs.TaskDefinitionRuntimePlatformArgs{CpuArchitecture: pulumi.String("ARM64"), OperatingSystemFamily: pulumi.String("LINUX")},
		Cpu:                     pulumi.String(strconv.Itoa(args.Settings.API.CPU)),
		Memory:                  pulumi.String(strconv.Itoa(args.Settings.API.Memory)),
		ExecutionRoleArn:        execution.ARN,
		TaskRoleArn:             task.ARN,
		ContainerDefinitions:    containers,
	}, child, pulumi.DependsOn([]pulumi.Resource{execution.Policy, task.Policy}))
	if err != nil {
		return nil, fmt.Errorf("create task definition %s: %w", name, err)
	}
	return definition, nil
}

// apiKeysSecret stores the keys and returns the secret's ARN and the reference to this version of it; both are empty
// without keys. Naming the version makes new keys a new task definition: tasks read a secret only as they start.
func apiKeysSecret(ctx *pulumi.Context, args serviceArgs, child pulumi.ResourceOption) (arn, version pulumi.StringOutput, err error) {
	none := pulumi.String("").ToStringOutput()
	if args.APIKeys == nil {
		return none, none, nil
	}
	window := 0 // days; unprotected, the name is free again at once
	if args.Protect {
		window = 30
	}
	secret, err := secretsmanager.NewSecret(ctx, "api-keys", &secretsmanager.SecretArgs{
		Name: pulumi.String(args.Name + "/api-keys"), Description: pulumi.String("Keys that clients of the API send, by client"),
		RecoveryWindowInDays: pulumi.Int(window),
	}, child)
	if err != nil {
		return none, none, fmt.Errorf("create secret of API keys: %w", err)
	}
	value, err := secretsmanager.NewSecretVersion(ctx, "api-keys", &secretsmanager.SecretVersionArgs{SecretId: secret.ID(), SecretString: args.APIKeys.ToStringOutput()}, child)
	if err != nil {
		return none, none, fmt.Errorf("store API keys: %w", err)
	}
	return secret.Arn, pulumi.Sprintf("%s:::%s", secret.Arn, value.VersionId), nil
}
