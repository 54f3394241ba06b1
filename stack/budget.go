package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/budgets"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/costexplorer"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// anomalyShare is the part of the budget by which a day may cost more than usual before somebody is told.
const anomalyShare = 0.1

// watchCosts lets AWS compare the costs of the stack with its budget and with its own past. Both count resources with
// the tag Service, once that is active as a cost allocation tag (docs/deploying.md).
func (o *Observability) watchCosts(ctx *pulumi.Context, c config, account pulumi.StringInput) error {
	if c.Budget == nil {
		return nil
	}
	policy, err := sns.NewTopicPolicy(ctx, "alarms", &sns.TopicPolicyArgs{Arn: o.AlarmTopicARN,
		Policy: policyOf(func(arns []string) document { return topicPolicy(arns[0], arns[1]) }, account, o.AlarmTopicARN),
	}, o.child)
	if err != nil {
		return fmt.Errorf("let budgets write to the alarm topic: %w", err)
	}
	// AWS sends a test message to the topic while it creates either, so the topic's policy must exist before.
	after := pulumi.DependsOn([]pulumi.Resource{policy})
	var notifications budgets.BudgetNotificationArray
	for _, when := range []struct {
		kind    string
		percent float64
	}{{"ACTUAL", 80}, {"FORECASTED", 100}} {
		notifications = append(notifications, &budgets.BudgetNotificationArgs{
			NotificationType: pulumi.String(when.kind), ComparisonOperator: pulumi.String("GREATER_THAN"),
			Threshold: pulumi.Float64(when.percent), ThresholdType: pulumi.String("PERCENTAGE"),
			SubscriberSnsTopicArns: pulumi.StringArray{o.AlarmTopicARN},
		})
	}
	if _, err := budgets.NewBudget(ctx, "month", &budgets.BudgetArgs{
		Name: pulumi.String(c.Name), BudgetType: pulumi.String("COST"), TimeUnit: pulumi.String("MONTHLY"),
		LimitAmount: pulumi.String(dollars(c.Budget.USDPerMonth)), LimitUnit: pulumi.String("USD"),
		CostFilters: budgets.BudgetCostFilterArray{&budgets.BudgetCostFilterArgs{
			Name: pulumi.String("TagKeyValue"), Values: pulumi.StringArray{pulumi.String("user:Service$" + c.Name)}}},
		Notifications: notifications,
	}, o.child, after); err != nil {
		return fmt.Errorf("create budget: %w", err)
	}

	tagged, err := json.Marshal(map[string]any{"Tags": map[string]any{"Key": "Service", "Values": []string{c.Name}}})
	if err != nil {
		return fmt.Errorf("write filter of the cost monitor: %w", err)
	}
	monitor, err := costexplorer.NewAnomalyMonitor(ctx, "costs", &costexplorer.AnomalyMonitorArgs{
		Name: pulumi.String(c.Name), MonitorType: pulumi.String("CUSTOM"), MonitorSpecification: pulumi.String(tagged),
	}, o.child)
	if err != nil {
		return fmt.Errorf("create cost monitor: %w", err)
	}
	if _, err := costexplorer.NewAnomalySubscription(ctx, "costs", &costexplorer.AnomalySubscriptionArgs{
		Name: pulumi.String(c.Name), Frequency: pulumi.String("IMMEDIATE"), MonitorArnLists: pulumi.StringArray{monitor.Arn},
		Subscribers: costexplorer.AnomalySubscriptionSubscriberArray{&costexplorer.AnomalySubscriptionSubscriberArgs{
			Type: pulumi.String("SNS"), Address: o.AlarmTopicARN}},
		ThresholdExpression: &costexplorer.AnomalySubscriptionThresholdExpressionArgs{
			Dimension: &costexplorer.AnomalySubscriptionThresholdExpressionDimensionArgs{
				Key:          pulumi.String("ANOMALY_TOTAL_IMPACT_ABSOLUTE"),
				MatchOptions: pulumi.StringArray{pulumi.String("GREATER_THAN_OR_EQUAL")},
				Values:       pulumi.StringArray{pulumi.String(dollars(c.Budget.USDPerMonth * anomalyShare))},
			}},
	}, o.child, after); err != nil {
		return fmt.Errorf("subscribe to cost anomalies: %w", err)
	}
	return nil
}

// dollars is an amount in the format of AWS, without the zeros that a float would show.
func dollars(amount float64) string { return strconv.FormatFloat(amount, 'f', -1, 64) }
