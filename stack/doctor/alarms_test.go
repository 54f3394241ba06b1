package doctor

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// alarms answers with a page a call.
type alarms struct {
	pages []cloudwatch.DescribeAlarmsOutput
	err   error
	asked []cloudwatch.DescribeAlarmsInput
}

func (a *alarms) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (
	*cloudwatch.DescribeAlarmsOutput, error) {
	a.asked = append(a.asked, *in)
	if a.err != nil || len(a.pages) == 0 {
		return &cloudwatch.DescribeAlarmsOutput{}, a.err
	}
	page := a.pages[0]
	a.pages = a.pages[1:]
	return &page, nil
}

func TestAlarmsInALARMLeadToTheirHeadings(t *testing.T) {
	fake := &alarms{pages: []cloudwatch.DescribeAlarmsOutput{
		{NextToken: aws.String("more"), MetricAlarms: []types.MetricAlarm{
			{AlarmName: aws.String("shop-kafka-disk-2"),
				AlarmDescription: aws.String("A broker's disk is 85 % full. What to do: docs/operating.md#kafka-disk")},
			{AlarmName: aws.String("shop-of-mine")}}},
		{CompositeAlarms: []types.CompositeAlarm{{AlarmName: aws.String("shop-pipeline-broken"),
			AlarmDescription: aws.String("Nothing flows. What to do: docs/operating.md#pipeline-broken")}}},
	}}
	expect(t, Alarms{fake, Stack{Name: "shop"}}, "",
		Finding{"shop-kafka-disk-2 is in ALARM: A broker's disk is 85 % full", "kafka-disk"},
		Finding{"shop-of-mine is in ALARM: ", "alarms"},
		Finding{"shop-pipeline-broken is in ALARM: Nothing flows", "pipeline-broken"})
	if in := fake.asked[0]; *in.AlarmNamePrefix != "shop-" || in.StateValue != types.StateValueAlarm ||
		len(in.AlarmTypes) != 2 {
		t.Errorf("it asks for %+v", in)
	}
}

func TestQuietAlarmsAreNoFindingAndARefusalIsNoAnswer(t *testing.T) {
	expect(t, Alarms{&alarms{}, Stack{}}, "")
	expect(t, Alarms{&alarms{err: errDenied}, Stack{}}, "describe alarms: AccessDenied")
}
