package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const targetCPU = 60 // per cent: room for the load of a zone that fails, shared by two others (60 * 3/2 = 90)

// targetMemory is per cent of the task: many connections, or events that wait for slow brokers, fill it without CPU.
const targetMemory = 75

// autoscale keeps CPU, memory and requests a task near their targets. The largest of the answers wins.
func autoscale(ctx *pulumi.Context, c apiConfig, cluster, service pulumi.StringOutput, edge *Edge,
	child pulumi.ResourceOption) error {
	target, err := appautoscaling.NewTarget(ctx, "api", &appautoscaling.TargetArgs{
		ServiceNamespace: pulumi.String("ecs"), ScalableDimension: pulumi.String("ecs:service:DesiredCount"),
		ResourceId:  pulumi.Sprintf("service/%s/%s", cluster, service),
		MinCapacity: pulumi.Int(c.MinTasks), MaxCapacity: pulumi.Int(c.MaxTasks),
	}, child)
	if err != nil {
		return fmt.Errorf("create autoscaling target: %w", err)
	}
	for _, metric := range []struct {
		name, kind string
		label      pulumi.StringPtrInput
		value      int
	}{
		{name: "cpu", kind: "ECSServiceAverageCPUUtilization", value: targetCPU},
		{name: "requests", kind: "ALBRequestCountPerTarget", value: c.RequestsPerTarget,
			label: pulumi.Sprintf("%s/%s", edge.LoadBalancerDims, edge.TargetGroupDims)},
		{name: "memory", kind: "ECSServiceAverageMemoryUtilization", value: targetMemory},
	} {
		if _, err := appautoscaling.NewPolicy(ctx, metric.name, &appautoscaling.PolicyArgs{
			Name: pulumi.String(metric.name), PolicyType: pulumi.String("TargetTrackingScaling"),
			ServiceNamespace: target.ServiceNamespace, ScalableDimension: target.ScalableDimension,
			ResourceId: target.ResourceId,
			TargetTrackingScalingPolicyConfiguration: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
				//nolint:lll // the SDK's name
				PredefinedMetricSpecification: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
					PredefinedMetricType: pulumi.String(metric.kind), ResourceLabel: metric.label,
				},
				TargetValue:      pulumi.Float64(float64(metric.value)),
				ScaleOutCooldown: pulumi.Int(60), ScaleInCooldown: pulumi.Int(300), // up at once, down with patience
			},
		}, child); err != nil {
			return fmt.Errorf("create autoscaling policy %s: %w", metric.name, err)
		}
	}
	return nil
}

// growDisks lets the brokers' disks grow by themselves, up to maxVolumeGiB a broker. They never shrink, so the target
// is below the alarm's.
func growDisks(ctx *pulumi.Context, c kafkaConfig, cluster pulumi.StringOutput, child pulumi.ResourceOption) error {
	target, err := appautoscaling.NewTarget(ctx, "disks", &appautoscaling.TargetArgs{
		ServiceNamespace: pulumi.String("kafka"), ScalableDimension: pulumi.String("kafka:broker-storage:VolumeSize"),
		ResourceId: cluster, MinCapacity: pulumi.Int(1), MaxCapacity: pulumi.Int(c.MaxVolumeGiB),
	}, child)
	if err != nil {
		return fmt.Errorf("create autoscaling target of disks: %w", err)
	}
	if _, err := appautoscaling.NewPolicy(ctx, "disks", &appautoscaling.PolicyArgs{
		Name: pulumi.String("disks"), PolicyType: pulumi.String("TargetTrackingScaling"),
		ServiceNamespace: target.ServiceNamespace, ScalableDimension: target.ScalableDimension,
		ResourceId: target.ResourceId,
		TargetTrackingScalingPolicyConfiguration: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
			//nolint:lll // the SDK's name
			PredefinedMetricSpecification: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
				PredefinedMetricType: pulumi.String("KafkaBrokerStorageUtilization"),
			},
			TargetValue: pulumi.Float64(diskTarget), DisableScaleIn: pulumi.Bool(true),
		},
	}, child); err != nil {
		return fmt.Errorf("create autoscaling policy of disks: %w", err)
	}
	return nil
}

// diskTarget is the per cent of a disk from which it grows, and diskAlarm from which somebody is woken: it can't, or
// not as fast.
const (
	diskTarget = 65
	diskAlarm  = 75
)
