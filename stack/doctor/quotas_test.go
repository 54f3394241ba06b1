package doctor

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// account has a concurrency of 1,000 and room for 75 GB of code.
type account struct {
	code int64
	err  error
}

func (a account) GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (
	*lambda.GetAccountSettingsOutput, error) {
	return &lambda.GetAccountSettingsOutput{AccountUsage: &types.AccountUsage{TotalCodeSize: a.code},
		AccountLimit: &types.AccountLimit{ConcurrentExecutions: 1000, TotalCodeSize: 75e9}}, a.err
}

func TestALimitThatIsNearlyReachedIsFound(t *testing.T) {
	ran := func(values ...float64) metrics {
		return metrics{values: map[string][]float64{"ConcurrentExecutions": values}}
	}
	expect(t, Quotas{account{code: 1e9}, ran()}, "")
	expect(t, Quotas{account{code: 1e9}, ran(3, 799, 5)}, "")
	expect(t, Quotas{account{code: 1e9}, ran(3, 800, 5)}, "",
		Finding{"800 of 1000 invocations of Lambda ran at a time in the last 3 hours", "quotas"})
	expect(t, Quotas{account{code: 60e9}, ran()}, "",
		Finding{"the code of Lambda functions fills 60.0 of 75.0 GB", "quotas"})
	expect(t, Quotas{account{err: errDenied}, ran()}, "ask for limits of Lambda: AccessDenied")
	expect(t, Quotas{account{}, metrics{err: errDenied}}, "ask for metrics: AccessDenied")
}
