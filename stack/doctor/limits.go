package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
)

// LimitsAPI is what is asked of Service Quotas.
type LimitsAPI interface {
	GetServiceQuota(context.Context, *servicequotas.GetServiceQuotaInput, ...func(*servicequotas.Options)) (
		*servicequotas.GetServiceQuotaOutput, error)
	GetAWSDefaultServiceQuota(context.Context, *servicequotas.GetAWSDefaultServiceQuotaInput,
		...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error)
}

// limitOf returns a limit of the account, and the metric of what is used of it, where AWS has one. For a limit that was
// never changed, Service Quotas may know AWS's default alone.
func limitOf(ctx context.Context, api LimitsAPI, code [2]string) (limit float64, used *types.MetricInfo, err error) {
	service, quota := code[0], code[1]
	var answer *types.ServiceQuota
	own, err := api.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &service, QuotaCode: &quota})
	var unchanged *types.NoSuchResourceException
	switch {
	case err == nil:
		answer = own.Quota
	case errors.As(err, &unchanged):
		var usual *servicequotas.GetAWSDefaultServiceQuotaOutput
		usual, err = api.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{
			ServiceCode: &service, QuotaCode: &quota})
		if err == nil {
			answer = usual.Quota
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("ask for limit %s of %s: %w", quota, service, err)
	}
	if answer == nil || aws.ToFloat64(answer.Value) <= 0 {
		return 0, nil, fmt.Errorf("ask for limit %s of %s: the answer has no value", quota, service)
	}
	return *answer.Value, answer.UsageMetric, nil
}
