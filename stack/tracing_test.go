package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/stack/review"
)

func untraced(t *testing.T, stack string) review.Graph {
	t.Helper()
	g, err := review.RecordConfig(root, stack, changed(t, stack, func(c *review.StackConfig) {
		in("tracing", "enabled", false)(c)
		at(ns+"metrics", "")(c) // which the collector is there for, too
	}), offlineProgram(), &review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestWithoutTracingThereIsNothingOfIt(t *testing.T) {
	for _, stack := range stacks {
		g := untraced(t, stack)
		if found := g.Findings(); len(found) > 0 {
			t.Errorf("%s: %q", stack, found)
		}
		var tree bytes.Buffer
		review.WriteTree(&tree, g, true)
		for _, trace := range []string{"OTEL_", "xray", collectorName, "Active"} {
			if strings.Contains(tree.String(), trace) {
				t.Errorf("%s: %s is left", stack, trace)
			}
		}
	}
}

func TestAStackThatSaysNothingIsTracedALittle(t *testing.T) {
	g, err := review.RecordConfig(root, "prod", changed(t, "prod", at(ns+"tracing", "")), offlineProgram(),
		&review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	if v := containerVariables(t, g, "api"); v["OTEL_TRACES_SAMPLER_ARG"] != "0.05" ||
		v["OTEL_TRACES_SAMPLER"] != "parentbased_traceidratio" {
		t.Errorf("variables %v", v)
	}
}

// tracedWith sets a program's own tracing up from the variables that a stack gives it, and returns a span's resource.
func tracedWith(t *testing.T, variables map[string]string) map[string]string {
	t.Helper()
	for name, value := range variables { // the SDK reads some itself
		if strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, value)
		}
	}
	traces, err := tracing.Setup(t.Context(), os.LookupEnv, "s", "v")
	if err != nil {
		t.Fatal(err)
	}
	if !traces.IsOn() {
		t.Fatal("nothing is traced")
	}
	// A parent that is sampled decides before the ratio does.
	_, span := traces.Tracer("").Start(t.Context(), "x")
	described := map[string]string{}
	if s, ok := span.(sdk.ReadOnlySpan); ok {
		for _, kv := range s.Resource().Attributes() {
			described[string(kv.Key)] = kv.Value.Emit()
		}
	}
	return described
}

func TestEachProgramTracesAsItsStackTellsIt(t *testing.T) {
	g := recorded(t, "dev", false) // which keeps every trace
	function := map[string]string{}
	for name, value := range find(t, g, "lambda.Function", "processor").At("environment", "variables").ObjectValue() {
		function[string(name)] = value.StringValue()
	}
	for program, variables := range map[string]map[string]string{"api": containerVariables(t, g, "api"),
		"processor": function} {
		t.Run(program, func(t *testing.T) {
			described := tracedWith(t, variables)
			if described["service.name"] != "event-processing-service-dev-"+program ||
				described["deployment.environment.name"] != "dev" {
				t.Errorf("spans say %v", described)
			}
		})
	}
}

// collector is the configuration of a recorded stack's collector.
type collector struct {
	Extensions map[string]struct{ Endpoint string }
	Receivers  map[string]struct {
		Protocols struct{ HTTP struct{ Endpoint string } }
	}
	Processors map[string]any
	Exporters  map[string]struct {
		Region  string
		Indexed []string `json:"indexed_attributes"`
	}
	Service struct {
		Extensions []string
		Pipelines  map[string]struct{ Receivers, Processors, Exporters []string }
	}
}

func TestTheAPISendsItsSpansWhereTheCollectorListens(t *testing.T) {
	g := recorded(t, "prod", false)
	both := containersOf(find(t, g, "ecs.TaskDefinition", "api"))
	var c collector
	for _, v := range both[1].Environment {
		if v.Name == "AOT_CONFIG_CONTENT" {
			if err := json.Unmarshal([]byte(v.Value), &c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if endpoint := "http://" + c.Receivers["otlp"].Protocols.HTTP.Endpoint; containerVariables(t, g,
		"api")["OTEL_EXPORTER_OTLP_ENDPOINT"] != endpoint {
		t.Errorf("the collector listens at %s", endpoint)
	}
	pipeline := c.Service.Pipelines["traces"]
	for _, name := range pipeline.Processors {
		if _, is := c.Processors[name]; !is {
			t.Errorf("the pipeline has a processor %s that is not there", name)
		}
	}
	if !slices.Equal(pipeline.Receivers, []string{"otlp"}) || !slices.Equal(pipeline.Exporters, []string{"awsxray"}) ||
		c.Exporters["awsxray"].Region != "us-east-1" {
		t.Errorf("the pipeline is %+v", c.Service)
	}
	if health := c.Extensions["health_check"].Endpoint; health != "127.0.0.1:13133" ||
		!slices.Contains(c.Service.Extensions, "health_check") {
		t.Errorf("the image's health check asks 127.0.0.1:13133, and the collector answers at %q", health)
	}
	indexed := []string{"otel.resource.deployment.environment.name"}
	for _, key := range tracing.Indexed {
		indexed = append(indexed, string(key))
	}
	slices.Sort(indexed)
	if got := slices.Sorted(slices.Values(c.Exporters["awsxray"].Indexed)); !slices.Equal(got, indexed) {
		t.Errorf("the API's spans are searched by %q, the processor's by %q", got, indexed)
	}
	if both[0].CPU+both[1].CPU != 512 || both[1].Memory <= collectorMemoryUsed || !slices.Equal(both[0].DependsOn,
		[]dependency{{collectorName, "START"}}) {
		t.Errorf("the API has %d CPU units and %v before it, the collector %d and %d MiB", both[0].CPU, both[0].DependsOn,
			both[1].CPU, both[1].Memory)
	}
}
