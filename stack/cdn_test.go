package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"event-processing-service/stack/review"
)

// withDomain gives a stack what prod is given by its owner.
func withDomain(c *review.StackConfig) {
	both(in("edge", "domain", "events.example.com"), in("edge", "hostedZoneId", "Z0123456789EXAMPLE"))(c)
}

func TestWithoutCloudFrontAStackIsAsItWasBeforeThereWasTheChoice(t *testing.T) {
	g := recordedWith(t, "dev", in("edge", "cdn", nil))
	for _, n := range g.Nodes {
		if strings.HasPrefix(n.Type, "aws:cloudfront/") {
			t.Errorf("%s costs, and nobody asked for it", n)
		}
	}
	balancer := find(t, g, "lb.LoadBalancer", "balancer")
	if balancer.Is("internal") || balancer.Text("name") != "event-processing-service-dev" {
		t.Errorf("the balancer is %v", balancer.Plain())
	}
	env := containerVariables(t, g, "api")
	if env["PUBLIC_URL"] != "http://balancer.elb.example" || env["TRUSTED_PROXIES"] != "10.20.128.0/20,10.20.144.0/20" {
		t.Errorf("the API is told %q and %q", env["PUBLIC_URL"], env["TRUSTED_PROXIES"])
	}
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

func TestBehindCloudFrontTheAPIBelievesTheBalancerAndCloudFrontAlone(t *testing.T) {
	env := containerVariables(t, recorded(t, "dev", false), "api")
	// The private subnets, in which the balancer and CloudFront's interfaces are, and AWS's list in one order.
	if want := "10.20.0.0/20,10.20.16.0/20,192.0.2.0/24,198.51.100.128/25"; env["TRUSTED_PROXIES"] != want {
		t.Errorf("TRUSTED_PROXIES is %q, want %q", env["TRUSTED_PROXIES"], want)
	}
}

func TestWithADomainAllOfTheWayIsTLS(t *testing.T) {
	g := recordedWith(t, "prod", both(withDomain, in("edge", "cdn", true)))
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("%q", found)
	}
	distribution, origin := find(t, g, "cloudfront.Distribution", "api"), find(t, g, "cloudfront.VpcOrigin", "balancer")
	if origin.Text("vpcOriginEndpointConfig", "originProtocolPolicy") != "https-only" {
		t.Errorf("CloudFront asks by %v", origin.Plain())
	}
	if got := distribution.At("viewerCertificate"); got.ObjectValue()["minimumProtocolVersion"].StringValue() !=
		"TLSv1.2_2021" {
		t.Errorf("clients may speak %v", got)
	}
	if g.Has("lb.Listener", "http") || !g.Has("lb.Listener", "https") {
		t.Error("the balancer listens for plain HTTP")
	}
	rule := find(t, g, "vpc.SecurityGroupIngressRule", "edge-from-cloudfront-443")
	if rule.Text("prefixListId") != "pl-cloudfront" {
		t.Errorf("CloudFront is let in by %v", rule.Plain())
	}
	for _, name := range []string{"api", "api-aaaa"} {
		if to := find(t, g, "route53.Record", name).Text("aliases", "name"); to != "api.cloudfront.example" {
			t.Errorf("%s points to %s", name, to)
		}
	}
	if url := containerVariables(t, g, "api")["PUBLIC_URL"]; url != "https://events.example.com" {
		t.Errorf("PUBLIC_URL is %s", url)
	}
}

// A VPC origin that a distribution uses can't be changed: what would change it must be in its name, so that AWS takes
// the new one beside the old one.
func TestEachChangeOfTheWayFromCloudFrontIsAnotherWay(t *testing.T) {
	name := func(change func(*review.StackConfig)) string {
		return find(t, recordedWith(t, "dev", change), "cloudfront.VpcOrigin", "balancer").Text("vpcOriginEndpointConfig",
			"name")
	}
	if plain, secure := name(asItIs), name(withDomain); plain == secure {
		t.Errorf("both are called %s", plain)
	}
}

func TestCloudFrontsLogsAreDeliveredToTheBucketOnceItMayBeWritten(t *testing.T) {
	g := recorded(t, "staging", false)
	if bucket := find(t, g, "lb.LoadBalancer", "balancer").At("accessLogs"); !bucket.IsNull() {
		t.Error("the balancer writes the same lines again")
	}
	delivery := find(t, g, "cloudwatch.LogDelivery", "cdn")
	if !slices.ContainsFunc(delivery.DependsOn, func(urn string) bool {
		return strings.Contains(urn,
			"BucketPolicy::access-logs")
	}) {
		t.Error("the delivery does not wait for the bucket's policy")
	}
	if policy := find(t, g, "s3.BucketPolicy", "access-logs").Text("policy"); !strings.Contains(policy,
		`"Service":"delivery.logs.amazonaws.com"`) {
		t.Errorf("nobody may write: %s", policy)
	}
	if g := recorded(t, "dev", false); len(g.Of("cloudwatch.LogDelivery")) > 0 {
		t.Error("dev logs, and its file says no")
	}
}

func TestARuleFindsAWayBesideCloudFront(t *testing.T) {
	distribution := func(to func(map[string]any)) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) {
			n := find(t, g, "cloudfront.Distribution", "api")
			inputs := n.Plain()
			to(inputs)
			for key, value := range inputs {
				set(n, resource.PropertyKey(key), value)
			}
		}
	}
	for cause, mutation := range map[string]struct {
		put   func(*testing.T, review.Graph)
		found string
	}{
		"a public balancer": {func(t *testing.T, g review.Graph) {
			set(find(t, g, "lb.LoadBalancer", "balancer"), "internal", false)
		}, "has public addresses beside CloudFront"},
		"a balancer in a public subnet": {func(t *testing.T, g review.Graph) {
			set(find(t, g, "lb.LoadBalancer", "balancer"), "subnets", []any{"ec2.Subnet-public-a"})
		}, "ec2.Subnet-public-a, which has a way in"},
		"a network let in": {func(t *testing.T, g review.Graph) {
			rule := find(t, g, "vpc.SecurityGroupIngressRule", "edge-from-cloudfront-80")
			unset(rule, "prefixListId")
			set(rule, "cidrIpv4", "203.0.113.0/24")
		}, "is open to others than CloudFront"},
		"plain HTTP": {distribution(func(d map[string]any) {
			d["defaultCacheBehavior"].(map[string]any)["viewerProtocolPolicy"] = "allow-all"
		}), "serves plain HTTP"},
		"lost headers": {distribution(func(d map[string]any) {
			d["orderedCacheBehaviors"].([]any)[1].(map[string]any)["originRequestPolicyId"] = "other"
		}), "keeps from the API what a client sent"},
		"cached answers": {distribution(func(d map[string]any) {
			d["defaultCacheBehavior"].(map[string]any)["cachePolicyId"] = "other"
		}), "keeps answers that are for one client"},
		"a cached 404": {distribution(func(d map[string]any) {
			d["customErrorResponses"] = d["customErrorResponses"].([]any)[3:]
		}), "keeps a 404 for all who ask"},
		"an error page": {distribution(func(d map[string]any) {
			d["customErrorResponses"].([]any)[9].(map[string]any)["responseCode"] = 200.0
		}), "keeps a 503 for all who ask"},
		"an origin that is changed in place": {func(t *testing.T, g review.Graph) {
			find(t, g, "cloudfront.VpcOrigin", "balancer").ReplaceOnChanges = nil
		}, "changed while it is in use"},
		"an origin before the network": {func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "cloudfront.VpcOrigin", "balancer"), "ec2/route:Route")
		}, "cloudfront.VpcOrigin balancer does not wait for ec2.Route private-a-nat"},
		"no key, and CloudFront lets everybody in": {func(t *testing.T, g review.Graph) {
			find(t, g, "secretsmanager.SecretVersion", "api-keys").Name = "other"
		}, "lets everybody in, and no key is asked for"},
	} {
		t.Run(cause, func(t *testing.T) {
			g := recorded(t, "dev", false)
			mutation.put(t, g)
			if found := g.Findings(); !slices.ContainsFunc(found, func(f string) bool {
				return strings.Contains(f, mutation.found)
			}) {
				t.Errorf("no finding says %q; there are %q", mutation.found, found)
			}
		})
	}
}
