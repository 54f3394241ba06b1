package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// invariant is a rule for every stack, whatever its configuration. broken returns what breaks the rule.
type invariant struct {
	Name   string
	broken func(g Graph) []string
}

// invariants are the project's own rules, checked by `plan` and by the tests.
var invariants = []invariant{
	{"everything is below a component, on our provider, with its tags", outsideComponents},
	{"the internet reaches the load balancer's ports only", openToTheWorld},
	{"where CloudFront is, it is the only way in, and passes all on", besideCDN},
	{"the load balancer and the API speak one protocol", halfEncrypted},
	{"a firewall refuses what this project says, and tells nobody's keys", blindFirewall},
	{"nobody unknown is served unless a stack says so", openToAll},
	{"no policy allows every action, or every resource where one can be named", widePolicies},
	{"endpoints let through our own callers only, to named resources", unbounded},
	{"every log group forgets", foreverLogs},
	{"what was processed is remembered for as long as it can be replayed", forgetful},
	{"what is archived stays, and all of it is archived", losableArchive},
	{"data is encrypted at rest and in transit", unencrypted},
	{"customer keys encrypt all that takes one, and who uses it may use the key", halfKeyed},
	{"a protected stack protects what holds data", unprotected},
	{"what runs waits for its topics and its rights", unordered},
	{"each processor reads all events", shared},
	{"a guest in the API's task does it no harm", fragile},
	{"traces go all of their way, or none of it", halfTraced},
	{"each part reaches what it works with", cutOff},
	{"without NAT gateways nothing calls the internet", onTheInternet},
	{"each role may do its work", mayNot},
	{"the API's metrics in CloudWatch are counted beforehand", openList},
	{"what handlers use they can reach, and nothing else", outOfReach},
	{"what was forgotten stays forgotten", rememberedKeys},
	{"names fit into AWS's limits", longNames},
	{"a stack costs no more than its budget", overBudget},
	{"who rotates keys has those of the clients that it is told of, and no others", looseRotation},
	{"a canary is whole, and nobody else has its key", looseCanary},
	{"an artifact is deployed as it is, and nothing is built beside it", builtBesideArtifact},
	{"a token of GitHub's is trusted for one environment alone", looselyTrusted},
	{"no release is overwritten or counted out by its signatures", losableReleases},
}

// Findings is everything that breaks a rule, each starting with the rule's name.
func (g Graph) Findings() []string {
	var all []string
	for _, rule := range invariants {
		for _, broken := range rule.broken(g) {
			all = append(all, rule.Name+": "+broken)
		}
	}
	return all
}

func outsideComponents(g Graph) (broken []string) {
	tagged := map[string]bool{}
	for _, n := range g.Nodes {
		if package_, isProvider := strings.CutPrefix(n.Type, "pulumi:providers:"); isProvider {
			tagged[n.URN] = package_ != "aws" || (n.Text("defaultTags", "tags", "Project") != "" && n.Text("defaultTags", "tags",
				"Stack") == g.Stack && n.Text("defaultTags", "tags", "ManagedBy") == "pulumi")
		}
	}
	for _, n := range g.Nodes {
		if strings.HasPrefix(n.Type, "pulumi:providers:") {
			if !tagged[n.URN] {
				broken = append(broken, n.Name+" lacks the tags Project, Stack and ManagedBy")
			}
			continue
		}
		if !n.Custom {
			continue
		}
		if !strings.Contains(string(resource.URN(n.Parent).Type()), ":stack:") {
			broken = append(broken, fmt.Sprintf("%s has no component as its parent", n))
		}
		// A reference is the provider's URN, two colons, its id.
		if i := strings.LastIndex(n.Provider, "::"); i < 0 || !tagged[n.Provider[:i]] {
			broken = append(broken, fmt.Sprintf("%s does not use a provider of this program", n))
		}
	}
	return broken
}

func openToTheWorld(g Graph) (broken []string) {
	for _, n := range g.Of("vpc.SecurityGroupIngressRule") {
		port := n.Number("fromPort")
		open := strings.HasSuffix(n.Text("cidrIpv4"), "/0") || strings.HasSuffix(n.Text("cidrIpv6"), "/0")
		edge := strings.HasSuffix(n.Text("securityGroupId"), "-edge") && (port == 80 || port == 443) &&
			port == n.Number("toPort")
		if open && !edge {
			broken = append(broken, fmt.Sprintf("%s lets anybody in on port %v", n, port))
		}
		if n.Text("description") == "" {
			broken = append(broken, fmt.Sprintf("%s has no description", n))
		}
	}
	for _, n := range append(g.Of("ec2.SecurityGroup"), g.Of("ec2.DefaultSecurityGroup")...) {
		if !n.At("ingress").IsNull() || !n.At("egress").IsNull() {
			broken = append(broken, fmt.Sprintf("%s has inline rules, which these checks do not read", n))
		}
	}
	for _, n := range g.Of("ecs.Service") {
		if n.Is("networkConfiguration", "assignPublicIp") {
			broken = append(broken, fmt.Sprintf("%s has public addresses", n))
		}
	}
	for _, n := range g.Of("ec2.Subnet") {
		if n.Is("mapPublicIpOnLaunch") {
			broken = append(broken, fmt.Sprintf("%s gives public addresses", n))
		}
	}
	return broken
}

// nowhere are actions that act on no resource with an ARN.
var nowhere = []string{
	"ecr:GetAuthorizationToken", "kafka:GetBootstrapBrokers", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
	"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
	"ssmmessages:OpenDataChannel",
	"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
	"ec2:DescribeSecurityGroups",
	"ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
}

// document is the part of a policy that the rules read. Principals and conditions may be text or lists: no rule needs
// to know which.
type document struct{ Statement []policyStatement }

type policyStatement struct {
	Sid, Effect      string
	Principal        map[string]any
	Action, Resource []string
	Condition        map[string]map[string]any
}

func widePolicies(g Graph) (broken []string) {
	for _, n := range g.Nodes {
		for _, property := range []string{"policy", "assumeRolePolicy"} {
			var d document
			if text := n.Text(property); text == "" || json.Unmarshal([]byte(text), &d) != nil {
				continue
			}
			for _, s := range d.Statement {
				// The policy of a key is about that key. Without AWS's own statement for the account nobody could manage it.
				// The policy of an endpoint grants nothing: it bounds what other policies grant, see unbounded.
				if s.Effect != "Allow" || Short(n.Type) == "kms.Key" || Short(n.Type) == "ec2.VpcEndpoint" {
					continue
				}
				for _, action := range s.Action {
					if strings.Contains(action, "*") {
						broken = append(broken, fmt.Sprintf("%s allows %s", n, action))
					}
					// A deployer's rights follow from its stack's resources. EC2 and others have no names before they exist.
					deployer := Short(n.Type) == "iam.Policy" && strings.HasPrefix(n.Name, "deploy-")
					if slices.Contains(s.Resource, "*") && !slices.Contains(nowhere, action) && !deployer {
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
		for _, n := range g.Of(short) {
			ours := slices.ContainsFunc(g.Of("iam.Policy"), func(p Registration) bool {
				return slices.Contains(n.DependsOn, p.URN)
			})
			if !ours {
				broken = append(broken, fmt.Sprintf("%s: AWS's own policies are wider than needed", n))
			}
		}
	}
	return broken
}

func unprotected(g Graph) (broken []string) {
	if !g.Protect {
		return nil
	}
	for _, short := range []string{"msk.Cluster", "cloudcontrol.Resource", "dynamodb.Table", "kms.Key", "ecr.Repository",
		"s3.BucketV2", "backup.Vault"} {
		for _, n := range g.Of(short) {
			if !n.Protect {
				broken = append(broken, fmt.Sprintf("%s may be deleted", n))
			}
			if !n.RetainOnDelete {
				broken = append(broken, fmt.Sprintf("%s would be deleted once its protection is removed", n))
			}
			if n.Is("forceDestroy") || n.Is("forceDelete") {
				broken = append(broken, fmt.Sprintf("%s would be deleted with its contents", n))
			}
		}
	}
	for _, n := range g.Of("dynamodb.Table") {
		if !n.Is("deletionProtectionEnabled") || !n.Is("pointInTimeRecovery", "enabled") && n.Name != keysOfSubjects {
			broken = append(broken, fmt.Sprintf("%s can be deleted in the console, or not be restored", n))
		}
	}
	for _, n := range g.Of("lb.LoadBalancer") {
		if !n.Is("enableDeletionProtection") {
			broken = append(broken, fmt.Sprintf("%s can be deleted in the console", n))
		}
	}
	return broken
}

// functionName is the name in the ARN of a function or of its alias.
func (n Registration) functionName() string {
	_, function, _ := strings.Cut(n.Text("functionName"), ":function:")
	name, _, _ := strings.Cut(function, ":")
	return name
}

// shared finds mappings that share a consumer group or a function: Kafka would give each only some of the events.
func shared(g Graph) (broken []string) {
	for _, own := range []struct {
		what string
		of   func(n Registration) string
	}{
		{"the consumer group", func(n Registration) string {
			return n.Text("amazonManagedKafkaEventSourceConfig", "consumerGroupId")
		}},
		{"the function", Registration.functionName},
	} {
		by := map[string]Registration{}
		for _, n := range g.Of("lambda.EventSourceMapping") {
			if other, taken := by[own.of(n)]; taken {
				broken = append(broken, fmt.Sprintf("%s and %s share %s %s", other, n, own.what, own.of(n)))
			}
			by[own.of(n)] = n
		}
	}
	return broken
}

func longNames(g Graph) (broken []string) {
	limits := map[string]struct {
		property string
		most     int
	}{
		"lb.LoadBalancer": {"name", 32}, "lb.TargetGroup": {"name", 32}, "iam.Role": {"name", 64},
		"lambda.Function": {"name", 64},
		"msk.Cluster":     {"clusterName", 64}, "s3.BucketV2": {"bucket", 63},
	}
	for _, n := range g.Nodes {
		limit, has := limits[Short(n.Type)]
		if name := n.Text(limit.property); has && n.Custom && len(name) > limit.most {
			broken = append(broken, fmt.Sprintf("%s: %s has %d characters, more than %d", n, name, len(name), limit.most))
		}
	}
	return broken
}
