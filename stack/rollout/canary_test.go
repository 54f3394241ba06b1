package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// function is a Lambda function with an alias, and alarms, of which each look finds the next list in ALARM.
type function struct {
	version string
	weights map[string]float64
	moves   []string
	ringing [][]string
	looks   int
	refuse  error
}

func (f *function) GetAlias(context.Context, *lambda.GetAliasInput, ...func(*lambda.Options)) (*lambda.GetAliasOutput,
	error) {
	return &lambda.GetAliasOutput{FunctionVersion: &f.version,
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: f.weights}}, f.refuse
}

func (f *function) UpdateAlias(ctx context.Context, in *lambda.UpdateAliasInput, _ ...func(*lambda.Options)) (
	*lambda.UpdateAliasOutput, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	f.version, f.weights = *in.FunctionVersion, in.RoutingConfig.AdditionalVersionWeights
	move := *in.Name + " " + f.version
	for version, weight := range f.weights {
		if weight == 0.1 {
			move += ", 10 % " + version
		}
	}
	f.moves = append(f.moves, move)
	return &lambda.UpdateAliasOutput{}, nil
}

func (f *function) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput,
	_ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	out := &cloudwatch.DescribeAlarmsOutput{}
	if len(in.AlarmNames) != 2 {
		return nil, errors.New("not the alarms that are watched")
	}
	for _, name := range f.ringing[min(f.looks, len(f.ringing)-1)] {
		out.MetricAlarms = append(out.MetricAlarms, cloudwatchtypes.MetricAlarm{AlarmName: aws.String(name),
			StateValue: cloudwatchtypes.StateValueAlarm})
	}
	out.MetricAlarms = append(out.MetricAlarms, cloudwatchtypes.MetricAlarm{AlarmName: aws.String("quiet"),
		StateValue: cloudwatchtypes.StateValueOk})
	f.looks++
	return out, nil
}

// move moves the alias to version 2; with minutes 0 a share is over at the first look.
func (f *function) move(t *testing.T, percent int, minutes int) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	return Canary{Lambda: f, Alarms: f, Pause: time.Millisecond}.Move(ctx, "f", "2", Shares{percent, minutes},
		[]string{"f-errors", "f-letters"})
}

func TestANewVersionGetsAShareAndThenAll(t *testing.T) {
	f := &function{version: "1", ringing: [][]string{nil}}
	if err := f.move(t, 10, 0); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"live 1, 10 % 2", "live 2"}, f.moves); diff != "" || len(f.weights) != 0 {
		t.Errorf("weights %v, moves (-want +got):\n%s", f.weights, diff)
	}
}

func TestAnAlarmTakesTheShareBack(t *testing.T) {
	f := &function{version: "1", ringing: [][]string{nil, nil, {"f-letters"}}}
	err := f.move(t, 10, 5)
	if err == nil || !strings.Contains(err.Error(), "an alarm went off: f-letters; all batches go to version 1 again") {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"live 1, 10 % 2", "live 1"}, f.moves); diff != "" || len(f.weights) != 0 {
		t.Errorf("weights %v, moves (-want +got):\n%s", f.weights, diff)
	}
}

func TestAnAlarmThatWentOffBeforeStopsNoRepair(t *testing.T) {
	f := &function{version: "1", ringing: [][]string{{"f-errors"}}}
	if err := f.move(t, 10, 0); err != nil || f.version != "2" {
		t.Errorf("version %s: %v", f.version, err)
	}
}

func TestTheShareIsTakenBackWhenTimeIsUp(t *testing.T) {
	f := &function{version: "1", ringing: [][]string{nil}}
	if err := f.move(t, 10, 60); !errors.Is(err, context.DeadlineExceeded) || f.version != "1" || len(f.weights) != 0 {
		t.Errorf("version %s, weights %v: %v", f.version, f.weights, err)
	}
}

func TestWithoutACanaryTheAliasMovesAtOnce(t *testing.T) {
	f := &function{version: "1"}
	if err := f.move(t, 0, 0); err != nil || f.looks > 0 || !cmp.Equal(f.moves, []string{"live 2"}) {
		t.Errorf("moves %q: %v", f.moves, err)
	}
}

func TestAnAliasThatIsThereIsLeftAloneAndItsRestOfACanaryIsEnded(t *testing.T) {
	f := &function{version: "2", ringing: [][]string{nil}}
	if err := f.move(t, 10, 5); err != nil || len(f.moves) > 0 {
		t.Errorf("moves %q: %v", f.moves, err)
	}
	f.weights = map[string]float64{"3": 0.1} // whoever was rolled back to 2 in the middle of it
	if err := f.move(t, 10, 5); err != nil || !cmp.Equal(f.moves, []string{"live 2"}) {
		t.Errorf("moves %q: %v", f.moves, err)
	}
}

func TestAFunctionWithoutTheAliasIsAnError(t *testing.T) {
	f := &function{refuse: errors.New("ResourceNotFoundException")}
	if err := f.move(t, 10, 5); !errors.Is(err, f.refuse) {
		t.Error(err)
	}
}

func TestTheFunctionOfEachProcessorComesIntoService(t *testing.T) {
	var w Wanted
	if err := json.Unmarshal([]byte(`{"processorFunction":"f","processorVersion":"2","watchedAlarms":["a"],
		"processors":{"search":{"function":"f-search","version":"4","watchedAlarms":["a-search"]},
			"audit":{"function":"f-audit","version":"3","canary":{"percent":10,"minutes":5}}}}`), &w); err != nil {
		t.Fatal(err)
	}
	want := []Function{{Name: "f", Version: "2", Alarms: []string{"a"}},
		{Name: "f-audit", Version: "3", Canary: Shares{Percent: 10, Minutes: 5}},
		{Name: "f-search", Version: "4", Alarms: []string{"a-search"}}}
	if diff := cmp.Diff(want, w.Functions()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
