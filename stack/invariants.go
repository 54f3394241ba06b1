package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// invariant is a rule that every stack keeps, whatever its configuration. broken returns what breaks it.
type invariant struct {
	Name   string
	broken func(g graph) []string
}

// invariants are the project's own rules, checked by `plan` and by the tests.
var invariants = []invariant{
	{"everything is below a component, on our provider, with its tags", outsideComponents},
	{"the internet reaches the load balancer's ports only", openToTheWorld},
	{"no policy allows every action, or every resource where one can be named", widePolicies},
	{"every log group forgets", foreverLogs},
	{"data is encrypted at rest and in transit", unencrypted},
	{"a protected stack protects what holds data", unprotected},
	{"what runs waits for its topics and its rights", unordered},
	{"a guest in the API's task does it no harm", fragile},
	{"traces go all of their way, or none of it", halfTraced},
	{"names fit into AWS's limits", longNames},
}

// findings is everything that breaks a rule, each starting with the rule's name.
func (g graph) findings() []string {
	var all []string
	for _, rule := range invariants {
		for _, broken := range rule.broken(g) {
			all = append(all, rule.Name+": "+broken)
		}
	}
	return all
}

func (n registration) String() string { return shortType(n.Type) + " " + n.Name }

// at is the input at a path; a missing one is null.
func (n registration) at(path ...string) resource.PropertyValue {
	value := resource.NewProperty(n.Inputs)
	for _, key := range path {
		for value.IsSecret() {
			value = value.SecretValue().Element
		}
		if value.IsArray() && len(value.ArrayValue()) > 0 {
			value = value.ArrayValue()[0]
		}
		if !value.IsObject() {
			return resource.NewNullProperty()
		}
		value = value.ObjectValue()[resource.PropertyKey(key)]
	}
	return value
}

func (n registration) text(path ...string) string {
	if v := n.at(path...); v.IsString() {
		return v.StringValue()
	}
	return ""
}

func (n registration) number(path ...string) float64 {
	if v := n.at(path...); v.IsNumber() {
		return v.NumberValue()
	}
	return 0
}

func (n registration) is(path ...string) bool {
	v := n.at(path...)
	return v.IsBool() && v.BoolValue()
}

// of returns the registrations of a type, given in short.
func (g graph) of(short string) []registration {
	var found []registration
	for _, n := range g.Nodes {
		if n.Custom && shortType(n.Type) == short {
			found = append(found, n)
		}
	}
	return found
}

func outsideComponents(g graph) (broken []string) {
	tagged := map[string]bool{}
	for _, n := range g.Nodes {
		if package_, isProvider := strings.CutPrefix(n.Type, "pulumi:providers:"); isProvider {
			tagged[n.URN] = package_ != "aws" || (n.text("defaultTags", "tags", "Project") != "" && n.text("defaultTags", "tags", "Stack") == g.Stack && n.text("defaultTags", "tags", "ManagedBy") == "pulumi")
		}
	}
	for _, n := range g.Nodes {
		if strings.HasPrefix(n.Type, "pulumi:providers:") {
			if !tagged[n.URN] {
				broken = append(broken, n.Name+" has not the tags Project, Stack and ManagedBy")
			}
			continue
		}
		if !n.Custom {
			continue
		}
		if !strings.Contains(string(resource.URN(n.Parent).Type()), ":stack:") {
			broken = append(broken, fmt.Sprintf("%s is below no component", n))
		}
		// A reference is the provider's URN, two colons, its id.
		if i := strings.LastIndex(n.Provider, "::"); i < 0 || !tagged[n.Provider[:i]] {
			broken = append(broken, fmt.Sprintf("%s is not on a provider of ours", n))
		}
	}
	return broken
}

func openToTheWorld(g graph) (broken []string) {
	for _, n := range g.of("vpc.SecurityGroupIngressRule") {
		port := n.number("fromPort")
		open := strings.HasSuffix(n.text("cidrIpv4"), "/0") || strings.HasSuffix(n.text("cidrIpv6"), "/0")
		edge := strings.HasSuffix(n.text("securityGroupId"), "-edge") && (port == 80 || port == 443) && port == n.number("toPort")
		if open && !edge {
			broken = append(broken, fmt.Sprintf("%s lets anybody in on port %v", n, port))
		}
		if n.text("description") == "" {
			broken = append(broken, fmt.Sprintf("%s does not say why it is", n))
		}
	}
	for _, n := range append(g.of("ec2.SecurityGroup"), g.of("ec2.DefaultSecurityGroup")...) {
		if !n.at("ingress").IsNull() || !n.at("egress").IsNull() {
			broken = append(broken, fmt.Sprintf("%s has rules inside, where no rule here sees them", n))
		}
	}
	for _, n := range g.of("ecs.Service") {
		if n.is("networkConfiguration", "assignPublicIp") {
			broken = append(broken, fmt.Sprintf("%s has public addresses", n))
		}
	}
	for _, n := range g.of("ec2.Subnet") {
		if n.is("mapPublicIpOnLaunch") {
			broken = append(broken, fmt.Sprintf("%s gives public addresses", n))
		}
	}
	return broken
}

// nowhere are actions that act on no resource with an ARN.
var nowhere = []string{
	"ecr:GetAuthorizationToken", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
	"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
	"ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
}

func widePolicies(g graph) (broken []string) {
	for _, n := range g.Nodes {
		for _, property := range []string{"policy", "assumeRolePolicy"} {
			var d document
			if text := n.text(property); text == "" || json.Unmarshal([]byte(text), &d) != nil {
				continue
			}
			for _, s := range d.Statement {
				// A key's policy is about that key, and without this statement of AWS's own nobody could manage it.
				if s.Effect != "Allow" || shortType(n.Type) == "kms.Key" {
					continue
				}
				for _, action := range s.Action {
					if strings.Contains(action, "*") {
						broken = append(broken, fmt.Sprintf("%s allows %s", n, action))
					}
					if slices.Contains(s.Resource, "*") && !slices.Contains(nowhere, action) {
						broken = append(broken, fmt.Sprintf("%s allows %s on everything", n, action))
					}
				}
				if property == "policy" && s.Principal["AWS"] == "*" {
					broken = append(broken, fmt.Sprintf("%s allows anybody", n))
				}
			}
		}
	}
	for _, short := range []string{"iam.RolePolicyAttachment", "iam.UserPolicyAttachment"} {
		for _, n := range g.of(short) {
			broken = append(broken, fmt.Sprintf("%s: AWS's own policies are wider than needed", n))
		}
	}
	return broken
}

func foreverLogs(g graph) (broken []string) {
	for _, n := range g.of("cloudwatch.LogGroup") {
		if n.number("retentionInDays") == 0 {
			broken = append(broken, fmt.Sprintf("%s has no retention", n))
		}
	}
	return broken
}

func unprotected(g graph) (broken []string) {
	if !g.Protect {
		return nil
	}
	for _, short := range []string{"msk.Cluster", "cloudcontrol.Resource", "dynamodb.Table", "kms.Key", "ecr.Repository", "s3.BucketV2"} {
		for _, n := range g.of(short) {
			if !n.Protect {
				broken = append(broken, fmt.Sprintf("%s may be deleted", n))
			}
			if !n.RetainOnDelete {
				broken = append(broken, fmt.Sprintf("%s would not outlive its protection", n))
			}
			if n.is("forceDestroy") || n.is("forceDelete") {
				broken = append(broken, fmt.Sprintf("%s would be deleted with what is in it", n))
			}
		}
	}
	for _, n := range g.of("dynamodb.Table") {
		if !n.is("deletionProtectionEnabled") || !n.is("pointInTimeRecovery", "enabled") {
			broken = append(broken, fmt.Sprintf("%s can be deleted in the console, or not be restored", n))
		}
	}
	for _, n := range g.of("lb.LoadBalancer") {
		if !n.is("enableDeletionProtection") {
			broken = append(broken, fmt.Sprintf("%s can be deleted in the console", n))
		}
	}
	return broken
}

// unordered finds what AWS would start before it can work. An edge that data flow does not make is easily lost.
func unordered(g graph) (broken []string) {
	needs := func(users []registration, short, name string) {
		for _, user := range users {
			for _, needed := range g.of(short) {
				if (name == "" || needed.Name == name) && !slices.Contains(user.DependsOn, needed.URN) {
					broken = append(broken, fmt.Sprintf("%s does not wait for %s", user, needed))
				}
			}
		}
	}
	named := func(short, name string) []registration {
		return slices.DeleteFunc(g.of(short), func(n registration) bool { return n.Name != name })
	}
	needs(g.of("ecs.Service"), "cloudcontrol.Resource", "")
	needs(g.of("lambda.EventSourceMapping"), "cloudcontrol.Resource", "")
	needs(g.of("lambda.EventSourceMapping"), "iam.RolePolicy", "processor")
	needs(g.of("lambda.Function"), "iam.RolePolicy", "processor")
	needs(g.of("ecs.Service"), "iam.RolePolicy", "api")
	needs(g.of("ecs.Service"), "iam.RolePolicy", "execution")
	needs(named("ecs.TaskDefinition", "operator"), "iam.RolePolicy", "operator")
	needs(g.of("ecs.Service"), "lb.Listener", map[bool]string{true: "https", false: "http"}[len(named("lb.Listener", "https")) > 0])
	needs(g.of("ecs.Service"), "ec2.Route", "private-a-nat")
	needs(g.of("ec2.NatGateway"), "ec2.InternetGateway", "")
	for _, n := range g.of("lambda.EventSourceMapping") {
		if !n.DeleteBeforeReplace {
			broken = append(broken, fmt.Sprintf("%s and its replacement would share a consumer group", n))
		}
	}
	return broken
}

func longNames(g graph) (broken []string) {
	limits := map[string]struct {
		property string
		most     int
	}{
		"lb.LoadBalancer": {"name", 32}, "lb.TargetGroup": {"name", 32}, "iam.Role": {"name", 64}, "lambda.Function": {"name", 64},
		"msk.Cluster": {"clusterName", 64}, "s3.BucketV2": {"bucket", 63},
	}
	for _, n := range g.Nodes {
		limit, has := limits[shortType(n.Type)]
		if name := n.text(limit.property); has && n.Custom && len(name) > limit.most {
			broken = append(broken, fmt.Sprintf("%s: %s has %d characters, more than %d", n, name, len(name), limit.most))
		}
	}
	return broken
}
