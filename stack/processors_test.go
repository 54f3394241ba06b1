package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"event-processing-service/internal/settings"
	"event-processing-service/stack/review"
)

// more returns a stack with one more processor, which is as the first but for some keys.
func more(id string, but map[string]any) func(*review.StackConfig) {
	return func(c *review.StackConfig) {
		first, all := map[string]any{}, map[string]any{}
		if err := errors.Join(json.Unmarshal([]byte(c.Values[c.Project+":processor"]), &first),
			json.Unmarshal([]byte(c.Values[c.Project+":processors"]), &all)); err != nil {
			panic(err)
		}
		maps.Copy(first, but)
		all[id] = first
		text, err := json.Marshal(all)
		if err != nil {
			panic(err)
		}
		c.Values[c.Project+":processors"] = string(text)
	}
}

// withHandlers is the program where each processor has handlers.
func withHandlers() *program {
	p := offlineProgram()
	p.Handlers = func(string, map[string]map[string]string) error { return nil }
	return p
}

// two is a stack with the processor audit, which has a use of its own.
func two(t *testing.T, stack string) review.Graph {
	t.Helper()
	return recordedWith(t, stack, more("audit", map[string]any{"memory": 1024,
		"uses": map[string]any{"buckets": []any{map[string]any{"arn": "arn:aws:s3:::audit",
			"actions": []string{"s3:PutObject"}}}}}))
}

func TestASecondProcessorIsBesideTheFirstAndChangesNothingOfIt(t *testing.T) {
	for _, stack := range stacks {
		t.Run(stack, func(t *testing.T) {
			before, after := lines(recorded(t, stack, false)), lines(two(t, stack))
			var out bytes.Buffer
			for _, line := range lost(before, after) {
				fmt.Fprintln(&out, "- "+line)
			}
			for _, line := range lost(after, before) {
				fmt.Fprintln(&out, "+ "+line)
			}
			golden(t, stack+"-two-processors.diff", out.Bytes())
		})
	}
}

func TestTwoProcessorsBreakNoRule(t *testing.T) {
	for _, stack := range stacks {
		for _, finding := range two(t, stack).Findings() {
			t.Errorf("%s: %s", stack, finding)
		}
	}
}

func TestEachProcessorHasAllThatIsItsOwnUnderNamesOfItsOwn(t *testing.T) {
	g := two(t, "prod")
	for short, names := range map[string][]string{
		"lambda.Function":              {"processor", "processor-audit"},
		"lambda.EventSourceMapping":    {"events", "events-audit"},
		"cloudcontrol.Resource":        {"events", "events.dlq", "events.dlq.audit"},
		"s3.BucketV2":                  {"undelivered", "undelivered-audit"},
		"ec2.SecurityGroup":            {"processor", "processor-audit"},
		"cloudwatch.LogGroup":          {"processor", "processor-audit"},
		"cloudwatch.MetricAlarm":       {"processor-lag", "processor-lag-audit", "dropped-audit", "dead-letters-audit"},
		"vpc.SecurityGroupEgressRule":  {"processor-audit-to-kafka-9098", "processor-audit-to-s3-443"},
		"vpc.SecurityGroupIngressRule": {"kafka-from-processor-audit-9098"},
	} {
		for _, name := range names {
			if !g.Has(short, name) {
				t.Errorf("there is no %s %s", short, name)
			}
		}
	}
	if g.Has("vpc.SecurityGroupEgressRule", "processor-to-s3-443") {
		t.Error("the first may do what only the second uses")
	}
	rights := statements(t, g, "iam.RolePolicy", "processor-audit")
	for sid, end := range map[string]string{"ConsumerGroup": "/event-processing-service-processor-audit",
		"FindDeadLetters": "/events.dlq.audit"} {
		if on := rights[sid].Resource; len(on) != 1 || !strings.HasSuffix(on[0], end) {
			t.Errorf("%s is on %q", sid, on)
		}
	}
	alarm := find(t, g, "cloudwatch.MetricAlarm", "undelivered-audit")
	if alarm.Text("dimensions", "EventSourceMappingUUID") != "uuid-events-audit" {
		t.Errorf("the alarm watches %v", alarm.Plain()["dimensions"])
	}
	if what := alarm.Text("alarmDescription"); !strings.HasPrefix(what, "Processor audit: ") ||
		!strings.HasSuffix(what, "operating.md#undelivered") {
		t.Errorf("the alarm says %q", what)
	}
	board := find(t, g, "cloudwatch.Dashboard", "events").Text("dashboardBody")
	if !strings.Contains(board, "## Does processor audit keep up?") {
		t.Error("the dashboard has no row for it")
	}
}

// What the program makes of its variables is in cmd/: here they must be those that it takes.
func TestTheFunctionOfASecondProcessorIsToldWhichItIs(t *testing.T) {
	g := two(t, "prod")
	first := find(t, g, "lambda.Function", "processor").At("environment", "variables").ObjectValue()
	second := find(t, g, "lambda.Function", "processor-audit").At("environment", "variables").ObjectValue()
	if _, set := first["PROCESSOR"]; set || second["PROCESSOR"].StringValue() != "audit" {
		t.Errorf("the second is told %v", second["PROCESSOR"])
	}
	for _, name := range []string{"KAFKA_DLQ_TOPIC", "KAFKA_TOPIC", "EVENTS_TABLE"} {
		if a, b := first[resource.PropertyKey(name)], second[resource.PropertyKey(name)]; a.V == nil || a.V != b.V {
			t.Errorf("%s differs: %v and %v", name, a.V, b.V)
		}
	}
	if _, err := settings.LoadProcessor(func(name string) (string, bool) {
		v, set := second[resource.PropertyKey(name)]
		if !set {
			return "", false
		}
		return v.StringValue(), true
	}); err != nil {
		t.Error(err)
	}
}

func TestTheOperatorReachesTheDeadLettersOfEachProcessor(t *testing.T) {
	rights := statements(t, two(t, "dev"), "iam.RolePolicy", "operator")
	for sid, end := range map[string]string{"ReadTopics": "/events.dlq.audit",
		"SeeProcessor": "/event-processing-service-dev-processor-audit"} {
		if on := rights[sid].Resource; len(on) < 2 || !strings.HasSuffix(on[len(on)-1], end) {
			t.Errorf("%s is on %q", sid, on)
		}
	}
}

func TestTheDeployerMayDeployEachProcessor(t *testing.T) {
	g := two(t, "dev")
	d, uncovered := deployerPolicy(g, rightsOf(g))
	if len(uncovered) > 0 {
		t.Errorf("nobody may deploy %q", uncovered)
	}
	for _, arn := range []string{":function:event-processing-service-dev-event-processor-audit",
		":role/event-processing-service-dev-processor-audit", "/events.dlq.audit"} {
		if !strings.Contains(d.JSON(), arn+`"`) {
			t.Errorf("the policy lacks %s", arn)
		}
	}
	dev := recorded(t, "dev", false)
	if d, _ := deployerPolicy(dev, rightsOf(dev)); strings.Contains(d.JSON(), "audit") {
		t.Error("the policy of one processor is about another")
	}
}

func TestProcessorsThatShareAGroupOrAFunctionAreFound(t *testing.T) {
	for property, value := range map[string]any{
		"functionName": "arn:aws:lambda:us-east-1:123456789012:function:processor",
		"amazonManagedKafkaEventSourceConfig": map[string]any{
			"consumerGroupId": "event-processing-service-processor"},
	} {
		g := two(t, "prod")
		set(find(t, g, "lambda.EventSourceMapping", "events-audit"), resource.PropertyKey(property), value)
		if found := strings.Join(g.Findings(), "\n"); !strings.Contains(found, "each processor reads all events: "+
			"lambda.EventSourceMapping events and lambda.EventSourceMapping events-audit share ") {
			t.Errorf("%s: found\n%s", property, found)
		}
	}
}

func TestAProcessorWithoutHandlersIsRefusedBeforeAnythingIsRegistered(t *testing.T) {
	rec := &review.Recorder{}
	_, err := review.RecordConfig(root, "dev", changed(t, "dev", more("ghost", nil)), offlineProgram(), rec)
	if err == nil || !strings.Contains(err.Error(), "stack dev: its processors can't run:\nprocessors.ghost: ") ||
		!strings.Contains(err.Error(), `there is no processor "ghost"`) {
		t.Errorf("the error is %v", err)
	}
	if len(rec.Nodes()) > 0 {
		t.Errorf("%d resources were registered first", len(rec.Nodes()))
	}
}

func TestTheProgramIsAskedOnlyWhereThereAreSeveralProcessors(t *testing.T) {
	p := offlineProgram()
	p.Handlers = func(string, map[string]map[string]string) error { return errors.New("no compiler") }
	if _, err := review.Record(root, "dev", p, &review.Recorder{}); err != nil {
		t.Error(err)
	}
	_, err := review.RecordConfig(root, "dev", changed(t, "dev", more("audit", nil)), p, &review.Recorder{})
	if err == nil || !strings.Contains(err.Error(), "no compiler") {
		t.Errorf("the error is %v", err)
	}
}

// The shell of whoever deploys is not the function's.
func TestTheProgramIsAskedAboutTheFunctionsEnvironmentAlone(t *testing.T) {
	t.Setenv("MAX_ATTEMPTS", "none")
	good := map[string]string{"LOG_LEVEL": "INFO"}
	if err := askProgram(root, map[string]map[string]string{"processor": good}); err != nil {
		t.Error(err)
	}
	err := askProgram(root, map[string]map[string]string{"processor": good, "processors.audit": {"MAX_ATTEMPTS": "many"}})
	if err == nil || !strings.HasPrefix(err.Error(), "processors.audit: ") || !strings.Contains(err.Error(), `"many"`) {
		t.Errorf("the error is %v", err)
	}
	if err := askProgram(t.TempDir(), nil); err == nil || !strings.HasPrefix(err.Error(), "build ./cmd/processor: ") {
		t.Errorf("without a program the error is %v", err)
	}
}
