package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// QuotasAPI is what is asked of Lambda about the account.
type QuotasAPI interface {
	GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (
		*lambda.GetAccountSettingsOutput, error)
}

// Quotas finds limits of the account that are nearly reached. All functions of it share the one of Lambda.
type Quotas struct {
	Lambda  QuotasAPI
	Metrics MetricsAPI
}

const (
	quotaPeriod = 3 * time.Hour
	quotaShare  = 0.8 // from which on a limit counts as nearly reached
)

// Name is the check's.
func (Quotas) Name() string { return "quotas" }

// Ask asks Lambda for its limits, and CloudWatch for how many functions ran at a time.
func (q Quotas) Ask(ctx context.Context) (found []Finding, err error) {
	out, err := q.Lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return nil, fmt.Errorf("ask for limits of Lambda: %w", err)
	}
	if out.AccountLimit == nil {
		return nil, nil
	}
	if out.AccountUsage != nil {
		used, limit := float64(out.AccountUsage.TotalCodeSize), float64(out.AccountLimit.TotalCodeSize)
		if limit > 0 && used >= quotaShare*limit {
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
	if limit := float64(out.AccountLimit.ConcurrentExecutions); limit > 0 && peak >= quotaShare*limit {
		found = append(found, Finding{fmt.Sprintf("%.0f of %.0f invocations of Lambda ran at a time in the last %.0f hours",
			peak, limit, quotaPeriod.Hours()), headingQuotas})
	}
	return found, nil
}
