package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// besideCDN finds ways to the load balancer that do not lead through CloudFront, and settings of CloudFront that change
// requests or answers. Without CloudFront it finds nothing.
func besideCDN(g Graph) (broken []string) {
	distributions := g.Of("cloudfront.Distribution")
	if len(distributions) == 0 {
		return nil
	}
	report := func(n Registration, format string, args ...any) {
		broken = append(broken, fmt.Sprintf("%s %s", n, fmt.Sprintf(format, args...)))
	}
	for _, n := range g.Of("lb.LoadBalancer") {
		if !n.Is("internal") {
			report(n, "has public addresses beside CloudFront")
		}
		for _, subnet := range n.At("subnets").ArrayValue() {
			if subnet.IsString() && !strings.Contains(subnet.StringValue(), "private-") {
				report(n, "is in %s, which has a way in from the internet", subnet.StringValue())
			}
		}
	}
	for _, n := range g.Of("vpc.SecurityGroupIngressRule") {
		edge := strings.HasSuffix(n.Text("securityGroupId"), "-edge")
		if edge && n.Text("prefixListId") != "pl-cloudfront" {
			report(n, "is open to others than CloudFront")
		}
	}
	for _, n := range distributions {
		for _, behavior := range append(n.objects("orderedCacheBehaviors"), Registration{
			Inputs: n.At("defaultCacheBehavior").ObjectValue()}) {
			if behavior.Text("viewerProtocolPolicy") != "redirect-to-https" {
				report(n, "serves plain HTTP")
			}
			if behavior.Text("originRequestPolicyId") != allViewer {
				report(n, "keeps from the API what a client sent")
			}
		}
		if n.Text("defaultCacheBehavior", "cachePolicyId") != cachingDisabled {
			report(n, "keeps answers that are for one client")
		}
		var fresh []float64
		for _, response := range n.objects("customErrorResponses") {
			if response.Number("errorCachingMinTtl") == 0 && response.Number("responseCode") == 0 {
				fresh = append(fresh, response.Number("errorCode"))
			}
		}
		for _, code := range []float64{404, 405, 414, 500, 501, 502, 503, 504} { // errors that CloudFront caches by default
			if !slices.Contains(fresh, code) {
				report(n, "keeps a %v for all who ask", code)
			}
		}
	}
	for _, n := range g.Of("cloudfront.VpcOrigin") {
		if !slices.Contains(n.ReplaceOnChanges, "vpcOriginEndpointConfig") || !slices.Contains(n.IgnoreChanges, "tags") {
			report(n, "would be changed while it is in use, which AWS refuses")
		}
	}
	return broken
}

// halfEncrypted finds a load balancer that speaks another protocol with the tasks than they do, or asks for their
// health by another one: no task would ever be healthy.
func halfEncrypted(g Graph) (broken []string) {
	spoken := "HTTP"
	if g.environment()["TLS_SELF_SIGNED"] == "true" {
		spoken = "HTTPS"
	}
	for _, n := range g.Of("lb.TargetGroup") {
		if protocol := n.Text("protocol"); protocol != spoken {
			broken = append(broken, fmt.Sprintf("%s speaks %s, and the API %s", n, protocol, spoken))
		}
		if protocol := n.Text("healthCheck", "protocol"); protocol != spoken {
			broken = append(broken, fmt.Sprintf("%s asks for health by %s, and the API speaks %s", n, protocol, spoken))
		}
	}
	return broken
}

// AWS's own policies: see stack/cdn.go.
const (
	cachingDisabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
	allViewer       = "216adef6-5c7f-47e4-b989-5492eafa07d3"
)

// objects are the objects of a list in the inputs, as registrations, to read them in the same way.
func (n Registration) objects(property string) (all []Registration) {
	list := n.Inputs[resource.PropertyKey(property)]
	if !list.IsArray() {
		return nil
	}
	for _, item := range list.ArrayValue() {
		if item.IsObject() {
			all = append(all, Registration{Type: n.Type, Name: n.Name, Inputs: item.ObjectValue()})
		}
	}
	return all
}

// allowsSome reports whether the firewall allows only some networks.
func (g Graph) allowsSome() bool {
	return slices.ContainsFunc(g.Of("wafv2.WebAcl"), func(acl Registration) bool {
		rules := acl.objects("rules")
		return len(rules) > 0 && rules[0].Text("name") == "others-than-allowed" && !rules[0].At("action", "block").IsNull()
	})
}

// blindFirewall finds a firewall that protects nothing, that refuses by rules that AWS may change, or that logs what it
// must not log.
func blindFirewall(g Graph) (broken []string) {
	report := func(n Registration, format string, args ...any) {
		broken = append(broken, fmt.Sprintf("%s %s", n, fmt.Sprintf(format, args...)))
	}
	for _, acl := range g.Of("wafv2.WebAcl") {
		asked := slices.ContainsFunc(append(g.Of("wafv2.WebAclAssociation"), g.Of("cloudfront.Distribution")...),
			func(n Registration) bool { return slices.Contains(n.DependsOn, acl.URN) })
		if !asked {
			report(acl, "protects nothing")
		}
		for _, rule := range acl.objects("rules") {
			if !rule.At("statement", "managedRuleGroupStatement").IsNull() && rule.At("overrideAction", "count").IsNull() {
				report(acl, "refuses whatever AWS adds to %s", rule.Text("name"))
			}
			if block := rule.At("action", "block"); !block.IsNull() && rule.Text("action", "block", "customResponse",
				"customResponseBodyKey") == "" {
				report(acl, "refuses by %s without a problem document", rule.Text("name"))
			}
			if rule.Is("visibilityConfig", "sampledRequestsEnabled") {
				report(acl, "keeps samples, with the clients' keys, of %s", rule.Text("name"))
			}
		}
		logged := slices.ContainsFunc(g.Of("wafv2.WebAclLoggingConfiguration"), func(n Registration) bool {
			hidden := map[string]bool{}
			for _, field := range n.objects("redactedFields") {
				hidden[field.Text("singleHeader", "name")] = true
			}
			return slices.Contains(n.DependsOn, acl.URN) && n.Text("loggingFilter", "defaultBehavior") == "DROP" &&
				hidden["authorization"] && hidden["x-api-key"]
		})
		if !logged {
			report(acl, "logs nothing, or all, or the clients' keys")
		}
	}
	return broken
}

// openToAll finds an API that everybody can reach without a key, although the stack's file does not say so.
func openToAll(g Graph) (broken []string) {
	if g.Open || g.Has("secretsmanager.SecretVersion", "api-keys") {
		return nil
	}
	for _, n := range g.Of("vpc.SecurityGroupIngressRule") {
		byCDN := n.Text("prefixListId") == "pl-cloudfront" && !g.allowsSome()
		if strings.HasSuffix(n.Text("cidrIpv4"), "/0") || byCDN {
			broken = append(broken, fmt.Sprintf("%s lets everybody in, and no key is asked for", n))
		}
	}
	return broken
}
