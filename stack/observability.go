package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Observability is the alarms, whom they tell, and the dashboard.
type Observability struct {
	pulumi.ResourceState

	AlarmTopicARN pulumi.StringOutput
	DashboardURL  pulumi.StringOutput
}

type observabilityArgs struct {
	Config    config
	KeyARN    pulumi.StringInput
	Edge      *Edge
	Store     *Store
	Service   *Service
	Processor *Processor
}

func newObservability(ctx *pulumi.Context, name string, args observabilityArgs, opts ...pulumi.ResourceOption) (*Observability, error) {
	o := &Observability{}
	if err := register(ctx, "Observability", name, o, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(o)
	c := args.Config
	topic, err := sns.NewTopic(ctx, "alarms", &sns.TopicArgs{Name: pulumi.String(c.Name + "-alarms"), KmsMasterKeyId: args.KeyARN}, child)
	if err != nil {
		return nil, fmt.Errorf("create alarm topic: %w", err)
	}
	if c.Alarms.Email != "" {
		if _, err := sns.NewTopicSubscription(ctx, "email", &sns.TopicSubscriptionArgs{
			Topic: topic.Arn, Protocol: pulumi.String("email"), Endpoint: pulumi.String(c.Alarms.Email),
		}, child); err != nil {
			return nil, fmt.Errorf("subscribe %s to alarms: %w", c.Alarms.Email, err)
		}
	}

	known := map[string]pulumi.StringOutput{
		theLoadBalancer: args.Edge.LoadBalancerDims, theTargetGroup: args.Edge.TargetGroupDims, theMapping: args.Processor.MappingID,
	}
	for _, a := range alarms(c, args.Processor.FunctionName, args.Processor.ConsumerGroup) {
		if _, err := cloudwatch.NewMetricAlarm(ctx, a.Name, alarmArgs(c.Name, a, known, topic.Arn), child); err != nil {
			return nil, fmt.Errorf("create alarm %s: %w", a.Name, err)
		}
	}
	body := pulumi.StringArray{
		args.Edge.LoadBalancerDims, args.Edge.TargetGroupDims, args.Store.TableName, args.Service.LogGroup, args.Processor.LogGroup,
	}.ToStringArrayOutput().ApplyT(func(v []string) string {
		return dashboard(c, shown{
			Function: args.Processor.FunctionName, Group: args.Processor.ConsumerGroup,
			LoadBalancer: v[0], TargetGroup: v[1], Table: v[2], APILog: v[3], ProcessorLog: v[4],
		})
	}).(pulumi.StringOutput)
	if _, err := cloudwatch.NewDashboard(ctx, "events", &cloudwatch.DashboardArgs{DashboardName: pulumi.String(c.Name), DashboardBody: body}, child); err != nil {
		return nil, fmt.Errorf("create dashboard: %w", err)
	}
	o.AlarmTopicARN = topic.Arn
	o.DashboardURL = pulumi.Sprintf("https://%s.console.aws.amazon.com/cloudwatch/home?region=%s#dashboards/dashboard/%s", c.Region, c.Region, c.Name)
	return o, ctx.RegisterResourceOutputs(o, pulumi.Map{"dashboardUrl": o.DashboardURL})
}

// alarmArgs turns one of our alarms into CloudWatch's, with the names that deployment made.
func alarmArgs(prefix string, a alarm, known map[string]pulumi.StringOutput, topic pulumi.StringOutput) *cloudwatch.MetricAlarmArgs {
	dimensions := func(m metric) pulumi.StringMap {
		filled := pulumi.StringMap{}
		for key, value := range m.Dimensions {
			filled[key] = pulumi.String(value)
			if output, late := known[value]; late {
				filled[key] = output
			}
		}
		return filled
	}
	operator := "GreaterThanThreshold"
	if a.Below {
		operator = "LessThanThreshold"
	}
	args := &cloudwatch.MetricAlarmArgs{
		Name: pulumi.String(prefix + "-" + a.Name), AlarmDescription: pulumi.String(a.What),
		ComparisonOperator: pulumi.String(operator), Threshold: pulumi.Float64(a.Threshold),
		DatapointsToAlarm: pulumi.Int(a.Of), EvaluationPeriods: pulumi.Int(a.In), TreatMissingData: pulumi.String(a.MissingMeans),
		AlarmActions: pulumi.Array{topic}, OkActions: pulumi.Array{topic},
	}
	if len(a.Ratio) == 0 {
		args.Namespace, args.MetricName, args.Dimensions, args.Period = pulumi.String(a.Metric.Namespace), pulumi.String(a.Metric.Name), dimensions(a.Metric), pulumi.Int(60)
		if a.Metric.Stat == "p99" {
			args.ExtendedStatistic = pulumi.String("p99")
		} else {
			args.Statistic = pulumi.String(a.Metric.Stat)
		}
		return args
	}
	queries := cloudwatch.MetricAlarmMetricQueryArray{&cloudwatch.MetricAlarmMetricQueryArgs{
		Id: pulumi.String("percent"), Expression: pulumi.String(percent(len(a.Ratio) - 1)), Label: pulumi.String("per cent"), ReturnData: pulumi.Bool(true),
	}}
	for i, m := range a.Ratio {
		queries = append(queries, &cloudwatch.MetricAlarmMetricQueryArgs{
			Id: pulumi.String(fmt.Sprintf("m%d", i)), ReturnData: pulumi.Bool(false),
			Metric: &cloudwatch.MetricAlarmMetricQueryMetricArgs{
				Namespace: pulumi.String(m.Namespace), MetricName: pulumi.String(m.Name), Stat: pulumi.String(m.Stat), Period: pulumi.Int(60), Dimensions: dimensions(m),
			},
		})
	}
	args.MetricQueries = queries
	return args
}

// percent is the expression for 100 * (m1 + … + mn) / m0. CloudWatch has no data point where nothing happened, hence FILL.
func percent(parts int) string {
	sum := "FILL(m1,0)"
	for i := 2; i <= parts; i++ {
		sum += fmt.Sprintf("+FILL(m%d,0)", i)
	}
	return fmt.Sprintf("100*(%s)/FILL(m0,1)", sum)
}
