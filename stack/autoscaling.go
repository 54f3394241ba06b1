package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const targetCPU = 60 // per cent: room for the load of a zone that fails, shared by two others (60 * 3/2 = 90)

// autoscale keeps CPU and requests a task near their targets. The larger of the two answers wins.
func autoscale(ctx *pulumi.Context, c apiConfig, cluster, service pulumi.StringOutput, edge *Edge, child pulumi.ResourceOption) error {
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
	} {
		if _, err := appautoscaling.NewPolicy(ctx, metric.name, &appautoscaling.PolicyArgs{
			Name: pulumi.String(metric.name), PolicyType: pulumi.String("TargetTrackingScaling"),
			ServiceNamespace: target.ServiceNamespace, ScalableDimension: target.ScalableDimension, ResourceId: target.ResourceId,
			TargetTrackingScalingPolicyConfiguration: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
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
