package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Aliases is the part of Lambda that moves aliases.
type Aliases interface {
	GetAlias(context.Context, *lambda.GetAliasInput, ...func(*lambda.Options)) (*lambda.GetAliasOutput, error)
	UpdateAlias(context.Context, *lambda.UpdateAliasInput, ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error)
}

// Alarms is the part of CloudWatch that knows alarms.
type Alarms interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (
		*cloudwatch.DescribeAlarmsOutput, error)
}

// Alias is the function's alias that the mapping invokes.
const Alias = "live"

// Canary moves the alias to a newly published version: first for a share of the batches, and then, if no alarm has gone
// off meanwhile, for all. The stack's program creates the alias, and does not change its version afterwards.
type Canary struct {
	Lambda Aliases
	Alarms Alarms
	Pause  time.Duration // between two checks of the alarms
}

// Shares are the shares of the new version before it gets all batches, and for how long. None: it gets all at once.
type Shares struct {
	Percent int `json:"percent"`
	Minutes int `json:"minutes"`
}

// Move moves the alias. If an alarm goes off or time is up, the new version loses its share.
func (c Canary) Move(ctx context.Context, function, version string, first Shares, watched []string) error {
	alias, err := c.Lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &function, Name: aws.String(Alias)})
	if err != nil {
		return fmt.Errorf("look at alias %s of %s: %w", Alias, function, err)
	}
	shared := alias.RoutingConfig != nil && len(alias.RoutingConfig.AdditionalVersionWeights) > 0
	if text(alias.FunctionVersion) == version && !shared {
		return nil
	}
	if first.Percent > 0 && text(alias.FunctionVersion) != version {
		if err := c.watch(ctx, function, version, text(alias.FunctionVersion), first, watched); err != nil {
			// The context may have ended.
			after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			if back := c.set(after, function, text(alias.FunctionVersion), nil); back != nil {
				return fmt.Errorf("%w; version %s still gets its share: %w", err, version, back)
			}
			return fmt.Errorf("%w; all batches go to version %s again", err, text(alias.FunctionVersion))
		}
	}
	return c.set(ctx, function, version, nil)
}

// watch gives version its first share, and returns an error as soon as an alarm goes off that was quiet before. An
// alarm that was in ALARM before may be the fault that this version fixes.
func (c Canary) watch(ctx context.Context, function, version, old string, first Shares, watched []string) error {
	before, err := c.ringing(ctx, watched)
	if err != nil {
		return err
	}
	if err := c.set(ctx, function, old, map[string]float64{version: float64(first.Percent) / 100}); err != nil {
		return err
	}
	end := time.Now().Add(time.Duration(first.Minutes) * time.Minute)
	for {
		now, err := c.next(ctx, watched)
		if err != nil {
			return fmt.Errorf("watch version %s: %w", version, err)
		}
		if news := without(now, before); len(news) > 0 {
			return fmt.Errorf("version %s of %s has %d %% of the batches, and an alarm went off: %s", version, function,
				first.Percent, strings.Join(news, ", "))
		}
		if !time.Now().Before(end) {
			return nil
		}
	}
}

// next is ringing after a pause.
func (c Canary) next(ctx context.Context, watched []string) ([]string, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(c.Pause):
	}
	return c.ringing(ctx, watched)
}

// without returns the names that are not in others.
func without(names, others []string) (left []string) {
	for _, name := range names {
		if !slices.Contains(others, name) {
			left = append(left, name)
		}
	}
	return left
}

func (c Canary) ringing(ctx context.Context, watched []string) (names []string, err error) {
	if len(watched) == 0 {
		return nil, nil // no names would ask for all alarms of the account
	}
	out, err := c.Alarms.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: watched,
		AlarmTypes: []cloudwatchtypes.AlarmType{cloudwatchtypes.AlarmTypeMetricAlarm}})
	if err != nil {
		return nil, fmt.Errorf("look at alarms: %w", err)
	}
	for _, a := range out.MetricAlarms {
		if a.StateValue == cloudwatchtypes.StateValueAlarm {
			names = append(names, text(a.AlarmName))
		}
	}
	return names, nil
}

func (c Canary) set(ctx context.Context, function, version string, also map[string]float64) error {
	if also == nil {
		also = map[string]float64{} // without shares in the request, Lambda keeps the current ones
	}
	_, err := c.Lambda.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: &function, Name: aws.String(Alias),
		FunctionVersion: &version, RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: also}})
	if err != nil {
		return fmt.Errorf("move alias %s of %s to version %s: %w", Alias, function, version, err)
	}
	return nil
}
