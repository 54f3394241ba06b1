package doctor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	limits "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
)

// account has a concurrency of 1,000 and room for 75 GB of code, unless it tells no limits.
type account struct {
	code     int64
	noLimits bool
	err      error
}

func (a account) GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (
	*lambda.GetAccountSettingsOutput, error) {
	limit := &types.AccountLimit{ConcurrentExecutions: 1000, TotalCodeSize: 75e9}
	if a.noLimits {
		limit = &types.AccountLimit{}
	}
	return &lambda.GetAccountSettingsOutput{AccountUsage: &types.AccountUsage{TotalCodeSize: a.code},
		AccountLimit: limit}, a.err
}

// quotasOf are limits of the account's own, and AWS's, by their codes.
type quotasOf struct {
	own, usual map[string]float64
	noMetric   bool
	noAnswer   bool
	err        error
}

func (q quotasOf) answer(of map[string]float64, code string) (*limits.ServiceQuota, error) {
	if q.noAnswer {
		return nil, nil
	}
	value, known := of[code]
	if !known {
		return nil, errors.Join(&limits.NoSuchResourceException{Message: &code}, q.err)
	}
	quota := &limits.ServiceQuota{Value: &value}
	if !q.noMetric {
		quota.UsageMetric = &limits.MetricInfo{MetricNamespace: aws.String("AWS/Usage"),
			MetricName: aws.String("ResourceCount"), MetricDimensions: map[string]string{"Service": "Fargate"}}
	}
	return quota, q.err
}

func (q quotasOf) GetServiceQuota(_ context.Context, in *servicequotas.GetServiceQuotaInput,
	_ ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	quota, err := q.answer(q.own, *in.ServiceCode+"/"+*in.QuotaCode)
	return &servicequotas.GetServiceQuotaOutput{Quota: quota}, err
}

func (q quotasOf) GetAWSDefaultServiceQuota(_ context.Context, in *servicequotas.GetAWSDefaultServiceQuotaInput,
	_ ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
	quota, err := q.answer(q.usual, *in.ServiceCode+"/"+*in.QuotaCode)
	return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: quota}, err
}

// usage is metrics of Fargate's tasks, as Service Quotas names them.
type usage struct{ metrics }

func (u usage) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (
	*cloudwatch.GetMetricDataOutput, error) {
	m := in.MetricDataQueries[0].MetricStat
	if *m.Metric.MetricName == "ResourceCount" && (*m.Stat != "Maximum" || *m.Metric.Namespace != "AWS/Usage" ||
		len(m.Metric.Dimensions) != 1 || *m.Metric.Dimensions[0].Value != "Fargate") {
		return nil, fmt.Errorf("asked for %+v", m)
	}
	return u.metrics.GetMetricData(ctx, in)
}

type counted struct {
	count int
	err   error
}

func (c counted) CountInterfaces(context.Context) (int, error) { return c.count, c.err }

// wide is an account in which nothing is near its limit, with one thing changed.
func wide(change func(*Quotas)) Quotas {
	q := Quotas{account{code: 1e9}, used(1, 2), quotasOf{
		own:   map[string]float64{"fargate/L-3032A538": 6},
		usual: map[string]float64{"fargate/L-3032A538": 4000, "vpc/L-DF5E4CA3": 5000}}, counted{count: 100}}
	change(&q)
	return q
}

// used is what functions and tasks took.
func used(functions float64, vCPUs ...float64) usage {
	return usage{metrics{values: map[string][]float64{"ConcurrentExecutions": {3, functions, 5}, "ResourceCount": vCPUs}}}
}

func TestALimitThatIsNearlyReachedIsFound(t *testing.T) {
	expect(t, wide(func(*Quotas) {}), "")
	expect(t, wide(func(q *Quotas) { q.Lambda = account{noLimits: true} }), "")
	expect(t, wide(func(q *Quotas) { q.Metrics = used(799, 4.75) }), "")
	expect(t, wide(func(q *Quotas) { q.Metrics = used(800, 1) }), "",
		Finding{"800 of 1000 invocations of Lambda ran at a time in the last 3 hours", "quotas"})
	expect(t, wide(func(q *Quotas) { q.Lambda = account{code: 60e9} }), "",
		Finding{"the code of Lambda functions fills 60.0 of 75.0 GB", "quotas"})
	expect(t, wide(func(q *Quotas) { q.Metrics = used(1, 0.25, 5, 0.5) }), "",
		Finding{"tasks on Fargate had 5.00 of 6 vCPUs at a time in the last 3 hours", "quotas"})
	expect(t, wide(func(q *Quotas) { q.Interfaces = counted{count: 3999} }), "")
	expect(t, wide(func(q *Quotas) { q.Interfaces = counted{count: 4000} }), "",
		Finding{"the region has 4000 of 5000 network interfaces", "quotas"})
}

func TestALimitThatCannotBeAskedHidesNoOther(t *testing.T) {
	fargate := Finding{"tasks on Fargate had 6.00 of 6 vCPUs at a time in the last 3 hours", "quotas"}
	expect(t, wide(func(q *Quotas) { q.Metrics, q.Lambda = used(1, 6), account{err: errDenied} }),
		"ask for limits of Lambda: AccessDenied", fargate)
	expect(t, wide(func(q *Quotas) { q.Metrics, q.Interfaces = used(1, 6), counted{err: errDenied} }),
		"count network interfaces: AccessDenied", fargate)
	expect(t, wide(func(q *Quotas) { q.Metrics = metrics{err: errDenied} }),
		"ask for metrics: AccessDenied\nask for metrics: AccessDenied")
	expect(t, wide(func(q *Quotas) { q.Limits = quotasOf{err: errDenied, usual: map[string]float64{}} }),
		"ask for limit L-3032A538 of fargate: NoSuchResourceException: fargate/L-3032A538\nAccessDenied\n"+
			"ask for limit L-DF5E4CA3 of vpc: NoSuchResourceException: vpc/L-DF5E4CA3\nAccessDenied")
}

func TestALimitWithoutItsUseIsUnknown(t *testing.T) {
	expect(t, wide(func(q *Quotas) { q.Metrics = used(1) }), "CloudWatch has told no vCPUs of Fargate for 3 hours")
	expect(t, wide(func(q *Quotas) {
		l := q.Limits.(quotasOf)
		l.noMetric = true
		q.Limits = l
	}), "Service Quotas names no metric of the vCPUs that Fargate's tasks have")
	expect(t, wide(func(q *Quotas) { q.Limits = quotasOf{noAnswer: true} }),
		"ask for limit L-3032A538 of fargate: the answer has no value\n"+
			"ask for limit L-DF5E4CA3 of vpc: the answer has no value")
	expect(t, wide(func(q *Quotas) { q.Limits.(quotasOf).own["vpc/L-DF5E4CA3"] = 0 }),
		"ask for limit L-DF5E4CA3 of vpc: the answer has no value")
}
