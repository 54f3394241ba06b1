package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/stack/review"
)

// envNames are the variables that each program reads, and whether it starts in AWS without them. The names are not
// written down here: the programs' own loaders are asked for an environment, and what they look up is noted.
func envNames() map[string]map[string]bool {
	api := lookedUp(func(lookup settings.Lookup) { _, _ = settings.LoadAPI(lookup) })
	processor := lookedUp(func(lookup settings.Lookup) { _, _ = settings.LoadProcessor(lookup) })
	operator := maps.Clone(processor) // eventctl reads the processor's settings
	for name := range tracingNames() {
		api[name], processor[name] = false, false
	}

	for _, name := range []string{"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC", "KAFKA_AUTH"} {
		api[name], processor[name], operator[name] = true, true, true
	}
	for _, name := range []string{"STORE", "EVENTS_TABLE"} {
		api[name], processor[name] = true, true
	}
	api["GOMEMLIMIT"] = true // read by Go itself
	api["PUBLIC_URL"] = true // without it links in answers and events are made of what a client says in Host
	processor["KAFKA_DLQ_TOPIC"], operator["KAFKA_DLQ_TOPIC"] = true, true
	processor["PARTIAL_BATCH_RESPONSE"] = true
	archiver := maps.Clone(operator)
	archiver["ARCHIVE_URL"], archiver["GOMEMLIMIT"] = true, true
	operator["ARCHIVE_URL"] = false
	canary := lookedUp(func(lookup settings.Lookup) { _, _ = settings.LoadCanary(lookup) })
	canary["CANARY_URL"], canary["CANARY_DEADLINE"], canary["CANARY_KEY_SECRET"] = true, true, true
	return map[string]map[string]bool{"api": api, "processor": processor, "operator": operator, "archive": archiver,
		"canary": canary}
}

// tracingNames are the variables that the programs' tracing reads: its own look-ups, with traces on, and two that the
// SDK reads by itself (TestEachProgramTracesAsItsStackTellsIt sees what comes of them).
func tracingNames() map[string]bool {
	names := map[string]bool{"OTEL_SERVICE_NAME": false, "OTEL_RESOURCE_ATTRIBUTES": false}
	_, _ = tracing.Setup(context.Background(), func(name string) (string, bool) {
		names[name] = false
		switch name {
		case "OTEL_TRACES_EXPORTER":
			return "otlp", true
		case "OTEL_TRACES_SAMPLER":
			return "traceidratio", true
		}
		return "", false
	}, "s", "v")
	return names
}

func lookedUp(load func(settings.Lookup)) map[string]bool {
	names := map[string]bool{}
	load(func(name string) (string, bool) {
		names[name] = false
		return "", false
	})
	return names
}

// environments reads the names that a recorded stack gives to each program.
func environments(t *testing.T, g review.Graph) map[string][]string {
	t.Helper()
	given := map[string][]string{}
	for _, program := range []string{"api", "operator", "archive"} {
		if !g.Has("ecs.TaskDefinition", program) {
			continue
		}
		var containers []container
		if err := json.Unmarshal([]byte(find(t, g, "ecs.TaskDefinition", program).Text("containerDefinitions")),
			&containers); err != nil {
			t.Fatalf("read containers of %s: %v", program, err)
		}
		for _, c := range containers[:1] { // a guest's are its own
			for _, v := range c.Environment {
				given[program] = append(given[program], v.Name)
			}
		}
	}
	for name := range find(t, g, "lambda.Function", "processor").At("environment", "variables").ObjectValue() {
		given["processor"] = append(given["processor"], string(name))
	}
	if g.Has("lambda.Function", "canary") {
		for name := range find(t, g, "lambda.Function", "canary").At("environment", "variables").ObjectValue() {
			given["canary"] = append(given["canary"], string(name))
		}
	}
	return given
}

func checkEnvironments(given map[string][]string) (problems []string) {
	for program, names := range envNames() {
		if len(given[program]) == 0 {
			continue // an archiver is not in each stack
		}
		for _, name := range given[program] {
			if _, reads := names[name]; !reads {
				problems = append(problems, program+" is given "+name+", which it does not read")
			}
		}
		for name, required := range names {
			if required && !slices.Contains(given[program], name) {
				problems = append(problems, program+" is not given "+name)
			}
		}
	}
	return problems
}

func TestEachProgramIsGivenWhatItReadsAndNothingElse(t *testing.T) {
	for _, stack := range stacks {
		for _, problem := range checkEnvironments(environments(t, recordedWith(t, stack, asItIs))) {
			t.Errorf("%s: %s", stack, problem)
		}
	}
}

func TestAWrongEnvironmentIsFound(t *testing.T) {
	given := environments(t, recorded(t, "prod", false))
	given["api"] = append(given["api"], "KAFKA_BROKERS")
	given["processor"] = slices.DeleteFunc(given["processor"], func(name string) bool { return name == "EVENTS_TABLE" })
	problems := checkEnvironments(given)
	slices.Sort(problems)
	want := []string{"api is given KAFKA_BROKERS, which it does not read", "processor is not given EVENTS_TABLE"}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The values too are what the programs' own loaders accept: a task that refuses its settings is found here, and not by
// a deployment that goes back after forty minutes.
func TestEachProgramAcceptsTheEnvironmentThatItIsGiven(t *testing.T) {
	for _, stack := range stacks {
		g := recorded(t, stack, false)
		function := map[string]string{}
		for name, value := range find(t, g, "lambda.Function", "processor").At("environment", "variables").ObjectValue() {
			function[string(name)] = value.StringValue()
		}
		api, operator := containerVariables(t, g, "api"), containerVariables(t, g, "operator")
		lookup := func(variables map[string]string) settings.Lookup {
			return func(name string) (string, bool) { value, set := variables[name]; return value, set }
		}
		if _, err := settings.LoadAPI(lookup(api)); err != nil {
			t.Errorf("%s: API: %v", stack, err)
		}
		programs := map[string]map[string]string{"processor": function, "operator": operator}
		if g.Has("ecs.TaskDefinition", "archive") {
			programs["archive"] = containerVariables(t, g, "archive")
			if _, err := settings.LoadArchive(lookup(programs["archive"])); err != nil {
				t.Errorf("%s: archiver: %v", stack, err)
			}
		}
		for program, variables := range programs {
			if _, err := settings.LoadProcessor(lookup(variables)); err != nil {
				t.Errorf("%s: %s: %v", stack, program, err)
			}
		}
	}
}

// The address of CloudFront or the load balancer, or the domain where there is one: the same as is exported.
func TestTheAPIKnowsTheAddressThatTheStackTells(t *testing.T) {
	for stack, want := range map[string]string{"dev": "https://api.cloudfront.example",
		"prod": "https://events.example.com"} {
		g := recorded(t, stack, false)
		if got := containerVariables(t, g, "api")["PUBLIC_URL"]; got != want {
			t.Errorf("%s: PUBLIC_URL is %q, want %q", stack, got, want)
		}
		if _, set := containerVariables(t, g, "operator")["PUBLIC_URL"]; set {
			t.Errorf("%s: the operator's task is given an address that it does not read", stack)
		}
	}
}

func containerVariables(t *testing.T, g review.Graph, task string) map[string]string {
	t.Helper()
	var containers []container
	if err := json.Unmarshal([]byte(find(t, g, "ecs.TaskDefinition", task).Text("containerDefinitions")),
		&containers); err != nil {
		t.Fatalf("read containers of %s: %v", task, err)
	}
	variables := map[string]string{}
	for _, v := range containers[0].Environment {
		variables[v.Name] = v.Value
	}
	return variables
}

func TestAPIKeysReachTheTaskOnlyAsASecret(t *testing.T) {
	for _, stack := range stacks {
		var containers []container
		g := recorded(t, stack, false)
		if err := json.Unmarshal([]byte(find(t, g, "ecs.TaskDefinition", "api").Text("containerDefinitions")),
			&containers); err != nil {
			t.Fatal(err)
		}
		var from string
		for _, v := range containers[0].Environment {
			switch v.Name {
			case "API_KEYS":
				t.Errorf("%s: API_KEYS is in plain sight", stack)
			case "API_KEYS_SECRET":
				from = v.Value
			}
		}
		if !strings.HasPrefix(from, "arn:aws:secretsmanager:") {
			t.Errorf("%s: the API reads its keys from %q", stack, from)
		}
	}
	secret := find(t, recorded(t, "prod", false), "secretsmanager.SecretVersion", "api-keys").Inputs["secretString"]
	if !secret.IsSecret() {
		t.Error("the keys are not a secret of the engine's: they would be in the state in plain text")
	}
}
