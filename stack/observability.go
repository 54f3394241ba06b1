package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Observability is the alarms, their subscribers, and the dashboard.
type Observability struct {
	pulumi.ResourceState

	AlarmTopicARN pulumi.StringOutput
	DashboardURL  pulumi.StringOutput
	// APIAlarms are about what clients see. The service's roll-out watches some of them, so they exist before the service.
	APIAlarms []pulumi.Resource

	child   pulumi.ResourceOption
	standby bool
	made    map[string]pulumi.Resource // alarms, by their names
}

type observabilityArgs struct {
	Config    config
	KeyARN    pulumi.StringInput
	AccountID pulumi.StringInput
	Edge      *Edge
}

// watchedParts are the components that exist only after newObservability.
type watchedParts struct {
	Config     config
	Edge       *Edge
	Store      *Store
	Service    *Service
	Archive    *Archive
	Processors []*Processor
}

// The alarms that roll a new version back: in the API's ECS deployment, and in the function's canary.
var (
	apiRollOutAlarms       = []string{"api-errors", "api-latency"}
	processorRollOutAlarms = []string{"processor-errors", "processor-throttles", "dead-letters", "event-age"}
)

func alarmNames(prefix string, kinds []string) (names []string) {
	for _, kind := range kinds {
		names = append(names, prefix+"-"+kind)
	}
	return names
}

// newObservability makes the topic of the alarms, and the alarms of the API.
func newObservability(ctx *pulumi.Context, name string, args observabilityArgs,
	opts ...pulumi.ResourceOption) (*Observability, error) {
	o := &Observability{made: map[string]pulumi.Resource{}}
	if err := register(ctx, "Observability", name, o, opts); err != nil {
		return nil, err
	}
	o.child = pulumi.Parent(o)
	child, c := o.child, args.Config
	o.standby = c.Standby
	topic, err := sns.NewTopic(ctx, "alarms", &sns.TopicArgs{Name: pulumi.String(c.Name + "-alarms"),
		KmsMasterKeyId: args.KeyARN}, child)
	if err != nil {
		return nil, fmt.Errorf("create alarm topic: %w", err)
	}
	o.AlarmTopicARN = topic.Arn
	if err := o.watchCosts(ctx, c, args.AccountID); err != nil {
		return nil, err
	}
	if err := o.subscribe(ctx, c, args.AccountID); err != nil {
		return nil, err
	}
	o.APIAlarms, err = o.alarms(ctx, c.Name, apiAlarms(c), args.Edge.names())
	return o, err
}

// names are the edge's names for dimensions of metrics, which only a deployment knows.
func (e *Edge) names() map[string]pulumi.StringOutput {
	return map[string]pulumi.StringOutput{
		theLoadBalancer: e.LoadBalancerDims, theTargetGroup: e.TargetGroupDims, theCertificate: e.CertificateARN,
		theDistribution: e.DistributionID,
	}
}

func (o *Observability) alarms(ctx *pulumi.Context, prefix string, list []alarm,
	known map[string]pulumi.StringOutput) (made []pulumi.Resource, err error) {
	for _, a := range list {
		args := alarmArgs(prefix, a, known, o.AlarmTopicARN)
		if o.standby {
			args.ActionsEnabled = pulumi.Bool(false) // nothing runs: half of them would go off
		}
		one, err := cloudwatch.NewMetricAlarm(ctx, a.Name(), args, o.child)
		if err != nil {
			return nil, fmt.Errorf("create alarm %s: %w", a.Name(), err)
		}
		made = append(made, one)
		o.made[a.Name()] = one
	}
	return made, nil
}

// watch makes the alarms of the processor and the brokers, and the dashboard.
func (o *Observability) watch(ctx *pulumi.Context, args watchedParts) error {
	c := args.Config
	known := args.Edge.names()
	known[theArchive], known[theCopies] = args.Archive.Bucket, args.Archive.Copies
	var functionLogs pulumi.StringArray
	for _, p := range args.Processors {
		known[p.named.of(theMapping)] = p.MappingID
		functionLogs = append(functionLogs, p.LogGroup)
	}
	parts, _ := sloAlarms(c)
	list := slices.Concat(allProcessorAlarms(c), kafkaAlarms(c), backupAlarms(c), archiveAlarms(c),
		canaryAlarms(c), rotationAlarms(c), parts)
	if _, err := o.alarms(ctx, c.Name, list, known); err != nil {
		return err
	}
	if err := o.composites(ctx, c.Name, composites(c)); err != nil {
		return err
	}
	if err := o.queries(ctx, c.Name, args.Service.LogGroup, functionLogs); err != nil {
		return err
	}
	body := pulumi.StringArray{
		args.Edge.LoadBalancerDims, args.Edge.TargetGroupDims, args.Store.TableName, args.Service.LogGroup,
		args.Processors[0].LogGroup,
	}.ToStringArrayOutput().ApplyT(func(v []string) string {
		return dashboard(c, shown{
			LoadBalancer: v[0], TargetGroup: v[1], Table: v[2], APILog: v[3], ProcessorLog: v[4],
		})
	}).(pulumi.StringOutput)
	if _, err := cloudwatch.NewDashboard(ctx, "events", &cloudwatch.DashboardArgs{DashboardName: pulumi.String(c.Name),
		DashboardBody: body}, o.child); err != nil {
		return fmt.Errorf("create dashboard: %w", err)
	}
	o.DashboardURL = pulumi.Sprintf("https://%s.console.aws.amazon.com/cloudwatch/home?region=%s#dashboards/dashboard/%s",
		c.Region, c.Region, c.Name)
	return ctx.RegisterResourceOutputs(o, pulumi.Map{"dashboardUrl": o.DashboardURL})
}

// runbook has a heading for each kind of alarm.
const runbook = "What to do: docs/operating.md#"

// alarmArgs turns an alarm into CloudWatch's arguments, with names that only a deployment knows.
func alarmArgs(prefix string, a alarm, known map[string]pulumi.StringOutput,
	topic pulumi.StringOutput) *cloudwatch.MetricAlarmArgs {
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
		Name: pulumi.String(prefix + "-" + a.Name()), AlarmDescription: pulumi.String(a.What + " " + runbook + a.Kind),
		ComparisonOperator: pulumi.String(operator), Threshold: pulumi.Float64(a.Threshold),
		DatapointsToAlarm: pulumi.Int(a.Of), EvaluationPeriods: pulumi.Int(a.In),
		TreatMissingData: pulumi.String(a.MissingMeans),
	}
	if !a.Silent {
		args.AlarmActions, args.OkActions = pulumi.Array{topic}, pulumi.Array{topic}
	}
	period := pulumi.Int(cmp.Or(a.Period, 60))
	if a.Math == "" {
		args.Namespace, args.MetricName = pulumi.String(a.Metric.Namespace), pulumi.String(a.Metric.Name)
		args.Dimensions, args.Period = dimensions(a.Metric), period
		if a.Metric.Stat == "p99" {
			args.ExtendedStatistic = pulumi.String("p99")
		} else {
			args.Statistic = pulumi.String(a.Metric.Stat)
		}
		return args
	}
	queries := cloudwatch.MetricAlarmMetricQueryArray{&cloudwatch.MetricAlarmMetricQueryArgs{
		Id: pulumi.String("value"), Expression: pulumi.String(a.Math), Label: pulumi.String(a.Kind),
		ReturnData: pulumi.Bool(true),
	}}
	for i, m := range a.Inputs {
		queries = append(queries, &cloudwatch.MetricAlarmMetricQueryArgs{
			Id: pulumi.String(fmt.Sprintf("m%d", i)), ReturnData: pulumi.Bool(false),
			Metric: &cloudwatch.MetricAlarmMetricQueryMetricArgs{
				Namespace: pulumi.String(m.Namespace), MetricName: pulumi.String(m.Name), Stat: pulumi.String(m.Stat),
				Period: period, Dimensions: dimensions(m),
			},
		})
	}
	args.MetricQueries = queries
	return args
}
