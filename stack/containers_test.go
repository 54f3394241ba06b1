package main

import (
	"strings"
	"testing"
)

func TestTheTaskMayNotOutliveItsDrain(t *testing.T) {
	// ECS kills after stopTimeout: DRAIN_DELAY, a publish, and some seconds to flush must fit. The balancer drains at least as
	// long as a publish may take.
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
	full := apiEnvironment(deployed{}, containerSettings{API: apiConfig{RateLimit: "1/1s", CORSAllowedOrigins: []string{"https://a", "https://b"}}})
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
