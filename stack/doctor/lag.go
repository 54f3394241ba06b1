package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// MetricsAPI is the part of CloudWatch that knows metrics.
type MetricsAPI interface {
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (
		*cloudwatch.GetMetricDataOutput, error)
}

// Lag finds consumer groups that are too far behind.
type Lag struct {
	API   MetricsAPI
	Stack Stack
}

// lagPeriod is the period in which the newest value is looked for: MSK's metrics come minutes late.
const lagPeriod = 15 * time.Minute

// Name is the check's.
func (Lag) Name() string { return "lag" }

// Ask asks CloudWatch for the newest lag of each processor's group, in time and in records. MSK has no lag in time
// while nothing is read: then the lag in records shows that the group stands still.
func (l Lag) Ask(ctx context.Context) (found []Finding, err error) {
	var unknown []error
	for _, p := range l.Stack.Processors {
		if p.Idle {
			continue
		}
		series := func(id, name string) types.MetricDataQuery {
			return query(id, "AWS/Kafka", name, "Maximum", map[string]string{"Cluster Name": l.Stack.Name, "Topic": p.Topic,
				"Consumer Group": p.Group})
		}
		values, err := ask(ctx, l.API, lagPeriod, series("seconds", "EstimatedMaxTimeLag"),
			series("records", "SumOffsetLag"))
		if err != nil {
			return found, err
		}
		seconds, records := values["seconds"], values["records"]
		switch {
		case len(seconds)+len(records) == 0:
			// That is so in the first minutes of a stack. A mapping that stays dead is found by Mappings.
			unknown = append(unknown, fmt.Errorf("MSK has told no lag of %s on %s for %.0f minutes", p.Group, p.Topic,
				lagPeriod.Minutes()))
		case len(seconds) > 0 && seconds[0] > p.MaxLagSeconds:
			found = append(found, Finding{fmt.Sprintf("the group %s is %.0f s behind on %s, of %.0f s that it may be", p.Group,
				seconds[0], p.Topic, p.MaxLagSeconds), headingLag})
		case len(seconds) == 0 && records[0] > 0:
			found = append(found, Finding{fmt.Sprintf("%.0f records of %s wait, and the group %s does not move", records[0],
				p.Topic, p.Group), headingStalled})
		}
	}
	return found, errors.Join(unknown...)
}

func query(id, namespace, name, stat string, dimensions map[string]string) types.MetricDataQuery {
	m := &types.Metric{Namespace: &namespace, MetricName: &name}
	for key, value := range dimensions {
		m.Dimensions = append(m.Dimensions, types.Dimension{Name: &key, Value: &value})
	}
	return types.MetricDataQuery{Id: &id, MetricStat: &types.MetricStat{Metric: m, Period: aws.Int32(60), Stat: &stat}}
}

// ask returns the values of each query within a period, by the id of the query, the newest first.
func ask(ctx context.Context, api MetricsAPI, period time.Duration, queries ...types.MetricDataQuery) (
	map[string][]float64, error) {
	now := time.Now()
	out, err := api.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{StartTime: aws.Time(now.Add(-period)),
		EndTime: &now, MetricDataQueries: queries, ScanBy: types.ScanByTimestampDescending})
	if err != nil {
		return nil, fmt.Errorf("ask for metrics: %w", err)
	}
	values := map[string][]float64{}
	for _, result := range out.MetricDataResults {
		values[aws.ToString(result.Id)] = result.Values
	}
	return values, nil
}
