package main

import (
	"strings"
	"testing"
)

func TestTheTaskMayNotOutliveItsDrain(t *testing.T) {
	// ECS kills after stopTimeout: DRAIN_DELAY, a publish, and some seconds to flush must fit. The balancer drains at
	// least as long as a publish may take.
	if drainDelay != "5s" || publishTimeout != "10s" {
		t.Fatal("the numbers below are of other settings")
	}
	if stopTimeoutSeconds < 5+10+10 {
		t.Errorf("stopTimeout of %d s cuts off what is in flight", stopTimeoutSeconds)
	}
	if drainSeconds < 10+5 {
		t.Errorf("a deregistration delay of %d s cuts off what is in flight", drainSeconds)
	}
}

func TestOptionalSettingsReachTheTaskOnlyWhenSet(t *testing.T) {
	bare := apiEnvironment(deployed{}, containerSettings{})
	for _, name := range []string{"RATE_LIMIT", "CORS_ALLOWED_ORIGINS"} {
		if _, set := bare[name]; set {
			t.Errorf("%s is set to nothing", name)
		}
	}
	full := apiEnvironment(deployed{}, containerSettings{API: apiConfig{RateLimit: "1/1s",
		CORSAllowedOrigins: []string{"https://a", "https://b"}}})
	if full["RATE_LIMIT"] != "1/1s" || full["CORS_ALLOWED_ORIGINS"] != "https://a,https://b" {
		t.Errorf("environment %v", full)
	}
}

func TestTheLineToPasteSendsAKeyWhereOneIsNeeded(t *testing.T) {
	open, keyed := curlLine("http://x", false), curlLine("https://x", true)
	if strings.Contains(open, "API-Key") || !strings.Contains(keyed, `-H "X-API-Key: $API_KEY"`) {
		t.Errorf("open %s, keyed %s", open, keyed)
	}
	if !strings.HasSuffix(open, " http://x/v1/events") {
		t.Error(open)
	}
}

func TestTheAPIsMemoryIsWhatTheTaskLeavesItAndItsHeapStaysBelow(t *testing.T) {
	for stack, want := range map[string]struct {
		memory int
		limit  string
	}{"dev": {320, "288MiB"}, "prod": {832, "748MiB"}} {
		g := recorded(t, stack, false)
		api := containersOf(find(t, g, "ecs.TaskDefinition", "api"))[0]
		if limit := containerVariables(t, g, "api")["GOMEMLIMIT"]; api.Memory != want.memory || limit != want.limit {
			t.Errorf("%s: %d MiB, of which Go uses %s", stack, api.Memory, limit)
		}
	}
	if env := apiEnvironment(deployed{}, containerSettings{API: apiConfig{Memory: 512}}); env["GOMEMLIMIT"] != "460MiB" {
		t.Errorf("without a collector Go uses %s of 512 MiB", env["GOMEMLIMIT"])
	}
}

// Whoever checks the health asks where it can reach the API: the balancer at the port that its security group opens,
// ECS inside the container.
func TestHealthIsAskedForWhereItCanBeReached(t *testing.T) {
	g := recorded(t, "prod", false)
	target := find(t, g, "lb.TargetGroup", "api")
	api := containersOf(find(t, g, "ecs.TaskDefinition", "api"))[0]
	if port := target.Text("healthCheck", "port"); port != "" && port != "traffic-port" {
		t.Errorf("the balancer asks at port %s, which no security rule opens", port)
	}
	if open := find(t, g, "vpc.SecurityGroupIngressRule",
		"api-from-edge-5000"); open.Number("toPort") != target.Number("port") {
		t.Errorf("the balancer asks at port %v, open is %v", target.Number("port"), open.Number("toPort"))
	}
	if len(api.PortMappings) != 1 || api.PortMappings[0].ContainerPort != int(target.Number("port")) {
		t.Errorf("the task publishes %v", api.PortMappings)
	}
}
