package doctor

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// metrics has values by the name of a metric, the newest first.
type metrics struct {
	values map[string][]float64
	err    error
}

func (m metrics) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (
	*cloudwatch.GetMetricDataOutput, error) {
	out := &cloudwatch.GetMetricDataOutput{}
	for _, q := range in.MetricDataQueries {
		out.MetricDataResults = append(out.MetricDataResults, types.MetricDataResult{Id: q.Id,
			Values: m.values[*q.MetricStat.Metric.MetricName]})
	}
	return out, m.err
}

func lagOf(seconds, records []float64) metrics {
	return metrics{values: map[string][]float64{"EstimatedMaxTimeLag": seconds, "SumOffsetLag": records}}
}

func TestAGroupThatIsTooFarBehindIsFound(t *testing.T) {
	expect(t, Lag{lagOf([]float64{300, 900}, []float64{7}), oneProcessor}, "")
	expect(t, Lag{lagOf([]float64{301, 0}, []float64{7}), oneProcessor}, "",
		Finding{"the group shop-g is 301 s behind on events, of 300 s that it may be", "processor-lag"})
}

func TestRecordsThatNobodyReadsAreFound(t *testing.T) {
	expect(t, Lag{lagOf(nil, []float64{7}), oneProcessor}, "",
		Finding{"7 records of events wait, and the group shop-g does not move", "processor-stalled"})
	expect(t, Lag{lagOf(nil, []float64{0}), oneProcessor}, "")
}

func TestALagThatIsNotToldIsUnknown(t *testing.T) {
	expect(t, Lag{lagOf(nil, nil), oneProcessor}, "MSK has told no lag of shop-g on events for 15 minutes")
	expect(t, Lag{metrics{err: errDenied}, oneProcessor}, "ask for metrics: AccessDenied")
	expect(t, Lag{lagOf(nil, nil), Stack{Processors: []Processor{{Idle: true}}}}, "")
}
