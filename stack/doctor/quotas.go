package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// QuotasAPI is the part of Lambda that knows the limits of the account.
type QuotasAPI interface {
	GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (
		*lambda.GetAccountSettingsOutput, error)
}

// InterfacesAPI counts the network interfaces of the account in the region.
type InterfacesAPI interface {
	CountInterfaces(context.Context) (int, error)
}

// Quotas finds limits of the account that are nearly reached. Everything in the account and region shares them.
type Quotas struct {
	Lambda     QuotasAPI
	Metrics    MetricsAPI
	Limits     LimitsAPI
	Interfaces InterfacesAPI
}

const (
	quotaPeriod = 3 * time.Hour
	quotaShare  = 0.8 // a limit of which this share is used is nearly reached
)

// Quotas of Service Quotas, by the code of their service and their own.
var (
	fargateVCPUs      = [2]string{"fargate", "L-3032A538"}
	networkInterfaces = [2]string{"vpc", "L-DF5E4CA3"}
)

// Name is the check's.
func (Quotas) Name() string { return "quotas" }

// Ask asks for each limit and for what is used of it. One that can't be asked hides no other.
func (q Quotas) Ask(ctx context.Context) (found []Finding, err error) {
	var unasked []error
	for _, part := range []func(context.Context) ([]Finding, error){q.functions, q.vCPUs, q.interfaces} {
		more, err := part(ctx)
		found, unasked = append(found, more...), append(unasked, err)
	}
	return found, errors.Join(unasked...)
}

// functions asks Lambda for its limits, and CloudWatch for how many functions ran at a time.
func (q Quotas) functions(ctx context.Context) (found []Finding, err error) {
	out, err := q.Lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return nil, fmt.Errorf("ask for limits of Lambda: %w", err)
	}
	if out.AccountLimit == nil {
		return nil, nil
	}
	if out.AccountUsage != nil {
		used, limit := float64(out.AccountUsage.TotalCodeSize), float64(out.AccountLimit.TotalCodeSize)
		if nearly(used, limit) {
			found = append(found, Finding{fmt.Sprintf("the code of Lambda functions fills %.1f of %.1f GB", used/1e9,
				limit/1e9), headingQuotas})
		}
	}
	values, err := ask(ctx, q.Metrics, quotaPeriod, query("concurrent", "AWS/Lambda", "ConcurrentExecutions", "Maximum",
		nil))
	if err != nil {
		return found, err
	}
	peak := slices.Max(append(values["concurrent"], 0))
	if limit := float64(out.AccountLimit.ConcurrentExecutions); nearly(peak, limit) {
		found = append(found, Finding{fmt.Sprintf("%.0f of %.0f invocations of Lambda ran at a time in the last %.0f hours",
			peak, limit, quotaPeriod.Hours()), headingQuotas})
	}
	return found, nil
}

// vCPUs asks CloudWatch how many vCPUs the tasks on Fargate had. Service Quotas names the metric beside the limit.
func (q Quotas) vCPUs(ctx context.Context) ([]Finding, error) {
	limit, metric, err := limitOf(ctx, q.Limits, fargateVCPUs)
	if err != nil {
		return nil, err
	}
	if metric == nil {
		return nil, errors.New("Service Quotas names no metric of the vCPUs that Fargate's tasks have")
	}
	values, err := ask(ctx, q.Metrics, quotaPeriod, query("vcpus", aws.ToString(metric.MetricNamespace),
		aws.ToString(metric.MetricName), string(types.StatisticMaximum), metric.MetricDimensions))
	if err != nil {
		return nil, err
	}
	if len(values["vcpus"]) == 0 { // the stack's own tasks use some, so this is not zero
		return nil, fmt.Errorf("CloudWatch has told no vCPUs of Fargate for %.0f hours", quotaPeriod.Hours())
	}
	if peak := slices.Max(values["vcpus"]); nearly(peak, limit) {
		return []Finding{{fmt.Sprintf("tasks on Fargate had %.2f of %.0f vCPUs at a time in the last %.0f hours", peak, limit,
			quotaPeriod.Hours()), headingQuotas}}, nil
	}
	return nil, nil
}

// interfaces counts network interfaces, of which there is no metric.
func (q Quotas) interfaces(ctx context.Context) ([]Finding, error) {
	limit, _, err := limitOf(ctx, q.Limits, networkInterfaces)
	if err != nil {
		return nil, err
	}
	used, err := q.Interfaces.CountInterfaces(ctx)
	if err != nil {
		return nil, fmt.Errorf("count network interfaces: %w", err)
	}
	if nearly(float64(used), limit) {
		return []Finding{{fmt.Sprintf("the region has %d of %.0f network interfaces", used, limit), headingQuotas}}, nil
	}
	return nil, nil
}

func nearly(used, limit float64) bool { return limit > 0 && used >= quotaShare*limit }
