package main

import (
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

// asItIs changes nothing.
func asItIs(*review.StackConfig) {}

func recordedWith(t *testing.T, stack string, change func(*review.StackConfig)) review.Graph {
	t.Helper()
	g, err := review.RecordConfig(root, stack, changed(t, stack, change), withHandlers(), &review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAStackThatIsGivenNoKeysMakesOneAndKeepsIt(t *testing.T) {
	g := recorded(t, "dev", false)
	value := find(t, g, "secretsmanager.SecretVersion", "api-keys")
	secret := value.Inputs["secretString"]
	if !secret.IsSecret() || !strings.HasPrefix(secret.SecretValue().Element.StringValue(), `{"first-client":"made-up0`) {
		t.Errorf("the keys are %v", secret)
	}
	// AWS makes another one at each run.
	if !slices.Contains(value.IgnoreChanges, "secretString") {
		t.Errorf("each deployment makes a new key: ignored are %q", value.IgnoreChanges)
	}
	if given := find(t, recorded(t, "prod", false), "secretsmanager.SecretVersion",
		"api-keys"); slices.Contains(given.IgnoreChanges, "secretString") {
		t.Errorf("keys that are given would not be deployed: ignored are %q", given.IgnoreChanges)
	}
}

func TestAStackForSomeNetworksLetsInTheseAndAsksForNoKey(t *testing.T) {
	g := recordedWith(t, "dev", both(in("edge", "cdn", nil),
		in("edge", "allowedNetworks", []string{"203.0.113.0/24", "198.51.100.7/32"})))
	var from []string
	for _, n := range g.Of("vpc.SecurityGroupIngressRule") {
		if cidr := n.Text("cidrIpv4"); cidr != "" {
			from = append(from, cidr)
		}
	}
	if strings.Join(from, " ") != "198.51.100.7/32 203.0.113.0/24" || g.Has("secretsmanager.Secret", "api-keys") {
		t.Errorf("it lets in %q, keys: %v", from, g.Has("secretsmanager.Secret", "api-keys"))
	}
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

func TestAStackIsOpenToEverybodyOnlyWhereItsFileSaysSo(t *testing.T) {
	g := recordedWith(t, "dev", in("edge", "allowedNetworks", []string{"0.0.0.0/0"}))
	if found := g.Findings(); len(found) > 0 || g.Has("secretsmanager.Secret", "api-keys") {
		t.Errorf("%q", found)
	}
	g.Open = false
	if found := strings.Join(g.Findings(), "\n"); !strings.Contains(found, "lets everybody in, and no key is asked for") {
		t.Errorf("a stack that nobody meant to open passes: %s", found)
	}
}

func TestNoStackWritesWhatOnlyADeveloperReads(t *testing.T) {
	for _, stack := range stacks {
		if level := containerVariables(t, recorded(t, stack, false), "api")["LOG_LEVEL"]; level != "INFO" {
			t.Errorf("%s logs at %s", stack, level)
		}
	}
}
