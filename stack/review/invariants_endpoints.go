package review

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// endpoints are the interface endpoints by their service, "ecr.api" and the like.
func (g Graph) endpoints() map[string]Registration {
	all := map[string]Registration{}
	for _, n := range g.Of("ec2.VpcEndpoint") {
		if name := strings.SplitN(n.Text("serviceName"), ".", 4); n.Text("vpcEndpointType") == "Interface" && len(name) == 4 {
			all[name[3]] = n
		}
	}
	return all
}

// endpointsOf are the interface endpoints that actions of a service take. Those without any lead to what is in the VPC,
// or to a gateway. KMS has none here: nearly all of its uses are by other services, see wrapsKeys.
var endpointsOf = map[string][]string{
	"ecr": {"ecr.api", "ecr.dkr"}, "logs": {"logs"}, "secretsmanager": {"secretsmanager"}, "sqs": {"sqs"}, "ssm": {"ssm"},
	"ssmmessages": {"ssmmessages"}, "xray": {"xray"},
	"dynamodb": nil, "elasticache": nil, "kafka-cluster": nil, "kms": nil, "s3": nil,
}

// byLambda are the services that Lambda calls for a function, from outside the VPC.
var byLambda = []string{"ec2", "kafka", "logs", "xray"}

// ownRegistry is an image of ECR's in a region, which endpoints lead to.
var ownRegistry = regexp.MustCompile(`^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/`)

// onTheInternet finds what runs in a VPC without NAT gateways and calls what has no endpoint there.
func onTheInternet(g Graph) (broken []string) {
	if len(g.Of("ec2.NatGateway")) > 0 || g.serving().Number("desiredCount") == 0 { // nothing runs
		return nil
	}
	there := g.endpoints()
	needs := func(who fmt.Stringer, why string, services ...string) {
		for _, service := range services {
			if _, is := there[service]; !is {
				broken = append(broken, fmt.Sprintf("%s %s, and there is neither a NAT gateway nor an endpoint of %s", who, why,
					service))
			}
		}
	}
	may := func(who fmt.Stringer, role string, but ...string) {
		policy := g.named("iam.RolePolicy", role[strings.LastIndexByte(role, '/')+1:])
		for _, s := range policy.allowed() {
			for _, action := range s.Action {
				service, _, _ := strings.Cut(action, ":")
				services, known := endpointsOf[service]
				switch {
				case slices.Contains(but, service):
				case !known:
					broken = append(broken, fmt.Sprintf("%s may do %s, and nobody knows the endpoint of %s", who, action, service))
				default:
					needs(who, "may do "+action, services...)
				}
			}
		}
	}
	for _, n := range g.Of("ecs.TaskDefinition") {
		may(n, n.Text("executionRoleArn"))
		may(n, n.Text("taskRoleArn"))
		for _, c := range n.containers() {
			if !slices.Contains([]string{"api", "operator", archiveName}, c.Name) && !ownRegistry.MatchString(c.Image) {
				broken = append(broken, fmt.Sprintf("%s pulls %s from the internet", n, c.Image))
			}
			for _, v := range c.Environment {
				if v.Name == "SUBJECT_KEYS" && strings.Contains(v.Value, "?kms=") {
					needs(n, "uses keys of subjects", "kms")
				}
			}
		}
	}
	for _, n := range g.Of("lambda.Function") {
		if n.At("vpcConfig").IsNull() {
			continue
		}
		may(n, n.Text("role"), byLambda...)
		if n.wrapsKeys() {
			needs(n, "uses keys of subjects", "kms")
		}
	}
	for _, n := range g.Of("lambda.EventSourceMapping") {
		if n.At("provisionedPollerConfig").IsNull() {
			needs(n, "has pollers on demand", "lambda", "sts")
		}
	}
	for name, use := range g.Uses {
		if use.HTTPS {
			broken = append(broken, name+" calls anywhere, and there is no NAT gateway")
		}
	}
	slices.Sort(broken)
	return append(slices.Compact(broken), g.halfThere(there)...)
}

// halfThere finds endpoints that part of the VPC can't use.
func (g Graph) halfThere(endpoints map[string]Registration) (broken []string) {
	var needed []any
	if subnets := g.serving().At("networkConfiguration", "subnets"); subnets.IsArray() {
		for _, subnet := range subnets.ArrayValue() {
			needed = append(needed, subnet.StringValue())
		}
	}
	for _, n := range endpoints {
		has := n.list("subnetIds")
		for _, subnet := range needed {
			if !slices.Contains(has, subnet) {
				broken = append(broken, fmt.Sprintf("%s is not in %v", n, subnet))
			}
		}
		if !n.Is("privateDnsEnabled") {
			broken = append(broken, fmt.Sprintf("%s has another name than the service that it leads to", n))
		}
	}
	slices.Sort(broken)
	return broken
}
