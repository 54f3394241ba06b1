package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// AlarmsAPI is the part of CloudWatch that knows alarms.
type AlarmsAPI interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (
		*cloudwatch.DescribeAlarmsOutput, error)
}

// Alarms finds alarms of the stack that are in ALARM, metric alarms and composite ones.
type Alarms struct {
	API   AlarmsAPI
	Stack Stack
}

// Name is the check's.
func (Alarms) Name() string { return "alarms" }

// Ask asks CloudWatch.
func (a Alarms) Ask(ctx context.Context) (found []Finding, err error) {
	pages := cloudwatch.NewDescribeAlarmsPaginator(a.API, &cloudwatch.DescribeAlarmsInput{
		AlarmNamePrefix: aws.String(a.Stack.Name + "-"), StateValue: types.StateValueAlarm,
		AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe alarms: %w", err)
		}
		for _, m := range page.MetricAlarms {
			found = append(found, a.finding(m.AlarmName, m.AlarmDescription))
		}
		for _, c := range page.CompositeAlarms {
			found = append(found, a.finding(c.AlarmName, c.AlarmDescription))
		}
	}
	return found, nil
}

// finding makes a finding of an alarm. The alarm's description names the heading.
func (a Alarms) finding(name, description *string) Finding {
	what, heading, ours := strings.Cut(aws.ToString(description), " What to do: docs/operating.md#")
	if !ours {
		heading = headingAlarms // somebody made the alarm by hand
	}
	return Finding{fmt.Sprintf("%s is in ALARM: %s", aws.ToString(name), strings.TrimSuffix(what, ".")), heading}
}
