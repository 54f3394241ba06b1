package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

// mirrored is the collector's image in a registry of the account's.
const mirrored = "123456789012.dkr.ecr.us-east-1.amazonaws.com/aws-otel-collector:v0.47.0"

// closed lets a stack do without NAT gateways.
func closed(c *review.StackConfig) {
	in("network", "natGateways", 0)(c)
	in("network", "endpoints", true)(c)
	in("tracing", "collector", mirrored)(c)
}

// services are those that a stack has interface endpoints of.
func services(g review.Graph) (names []string) {
	for _, n := range g.Of("ec2.VpcEndpoint") {
		if n.Text("vpcEndpointType") == "Interface" {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return names
}

func TestWithEndpointsNothingHasAWayToTheInternetAndEachServiceIsInReach(t *testing.T) {
	everyChoice := func(c *review.StackConfig) {
		closed(c)
		for _, set := range []func(*review.StackConfig){in("operator", "console", true),
			in("privacy", "encryptTypes", []string{"customer.*"}), in("archive", "enabled", true),
			in("metrics", "enabled", true), in("cache", "enabled", true)} {
			set(c)
		}
	}
	bare := func(c *review.StackConfig) { closed(c); in("tracing", "enabled", false)(c) }
	for _, c := range []struct {
		name, stack string
		change      func(*review.StackConfig)
		want        []string
	}{
		{"dev", "dev", closed, []string{"ecr.api", "ecr.dkr", "lambda", "logs", "secretsmanager", "sts", "xray"}},
		{"prod", "prod", closed, []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager", "xray"}},
		{"no traces", "prod", bare, []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager"}},
		{"every choice", "dev", everyChoice, []string{"ecr.api", "ecr.dkr", "kms", "lambda", "logs", "secretsmanager",
			"ssmmessages", "sts", "xray"}},
		{"uses", "dev", both(using("https", false), closed), []string{"ecr.api",
			"ecr.dkr", "lambda", "logs", "secretsmanager", "sqs", "ssm", "sts", "xray"}},
	} {
		g := recordedWith(t, c.stack, both(c.change, in("budget", "usdPerMonth", 2000)))
		if found := g.Findings(); len(found) > 0 {
			t.Errorf("%s: %s", c.name, strings.Join(found, "\n"))
		}
		if got := services(g); !slices.Equal(got, c.want) {
			t.Errorf("%s: endpoints of %q, want %q", c.name, got, c.want)
		}
		if g.Has("ec2.NatGateway", "nat-a") || len(g.Of("ec2.Eip")) > 0 {
			t.Errorf("%s: it pays for NAT gateways", c.name)
		}
		for _, n := range g.Of("vpc.SecurityGroupEgressRule") {
			if n.Text("cidrIpv4") != "" {
				t.Errorf("%s: %s leads to %s", c.name, n, n.Text("cidrIpv4"))
			}
		}
	}
}

// Whatever is taken away is found, and named.
func TestAnEndpointThatIsMissingIsTheOneThatIsNamed(t *testing.T) {
	g := recordedWith(t, "dev", closed)
	for _, n := range g.Of("ec2.VpcEndpoint") {
		found := strings.Join(without(g, n).Findings(), "\n")
		if want := "an endpoint of " + n.Name; n.Text("vpcEndpointType") == "Interface" && !strings.Contains(found, want) {
			t.Errorf("nobody misses %s: %q", n.Name, found)
		}
	}
	for _, short := range []string{"vpc.SecurityGroupIngressRule", "vpc.SecurityGroupEgressRule"} {
		for _, n := range g.Of(short) {
			found := strings.Join(without(g, n).Findings(), "\n")
			for _, word := range mentions(n) {
				if !strings.Contains(found, word) {
					t.Errorf("without %s nobody names %s: %q", n, word, found)
				}
			}
		}
	}
	for found, put := range map[string]func(review.Graph){
		"from the internet": func(g review.Graph) {
			n := find(t, g, "ecs.TaskDefinition", "api")
			set(n, "containerDefinitions", strings.Replace(n.Text("containerDefinitions"), mirrored, "public.ecr.aws/x:1", 1))
		},
		"nobody knows the endpoint of sns": func(g review.Graph) {
			n := find(t, g, "iam.RolePolicy", "api")
			set(n, "policy", strings.Replace(n.Text("policy"), "xray:PutTraceSegments", "sns:Publish", 1))
		},
		"is not in ec2.Subnet-private-b": func(g review.Graph) {
			set(find(t, g, "ec2.VpcEndpoint", "logs"), "subnetIds", []any{"ec2.Subnet-private-a"})
		},
		"another name than the service": func(g review.Graph) {
			set(find(t, g, "ec2.VpcEndpoint", "logs"), "privateDnsEnabled", false)
		},
	} {
		g := recordedWith(t, "dev", closed)
		put(g)
		if all := strings.Join(g.Findings(), "\n"); !strings.Contains(all, found) {
			t.Errorf("no finding says %q; there are %q", found, all)
		}
	}
}

func TestWhatNeedsTheInternetIsRefusedByNameWhereThereAreEndpoints(t *testing.T) {
	for want, change := range map[string]func(*review.StackConfig){
		"network.natGateways: must be 0":   both(closed, in("network", "natGateways", 1)),
		"processor.uses.https: leads any":  both(using("", nil), closed),
		"tracing.collector: is pulled thr": both(closed, in("tracing", "collector", defaultTracing().Collector)),
	} {
		_, err := review.RecordConfig(root, "dev", changed(t, "dev", change), withHandlers(), &review.Recorder{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
}

// The collector's image is pulled from a repository that is not the stack's.
func TestTheTaskMayPullTheCollectorFromTheAccountsRegistry(t *testing.T) {
	pulls := func(g review.Graph) string { return find(t, g, "iam.RolePolicy", "execution").Text("policy") }
	const repository = "arn:aws:ecr:us-east-1:123456789012:repository/aws-otel-collector"
	if got := pulls(recordedWith(t, "dev", closed)); !strings.Contains(got, `"`+repository+`"`) {
		t.Errorf("it may not: %s", got)
	}
	if got := pulls(recorded(t, "dev", false)); strings.Contains(got, "otel-collector") {
		t.Errorf("it may pull what is public: %s", got)
	}
}

func TestEachInterfaceEndpointLeadsToWhatIsTheStacksOrDeclared(t *testing.T) {
	g := recordedWith(t, "dev", both(using("https", false), closed))
	for service, want := range map[string]string{
		"logs":           "log-group:*event-processing-service-dev*",
		"secretsmanager": "secret:event-processing-service-dev/*",
		"lambda":         "function:event-processing-service-dev-event-processor",
		"sts":            "role/event-processing-service-dev-processor",
		"ecr.dkr":        "repository/*",
		"sqs":            "arn:aws:sqs:us-east-1:123456789012:",
	} {
		var d struct {
			Statement []struct {
				Principal, Condition any
				Resource             []string
			}
		}
		if err := json.Unmarshal([]byte(find(t, g, "ec2.VpcEndpoint", service).Text("policy")), &d); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(d.Statement[0].Resource, " "); !strings.Contains(got, want) {
			t.Errorf("%s leads to %s, want %s", service, got, want)
		}
	}
}

func TestAStackThatStandsByHasNoEndpoints(t *testing.T) {
	if got := services(recordedWith(t, "recovery", both(closed,
		in("tracing", "collector", strings.Replace(mirrored, "us-east-1", "us-west-2", 1))))); len(got) > 0 {
		t.Errorf("it pays for %q", got)
	}
}
