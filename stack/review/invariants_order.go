package review

import (
	"fmt"
	"slices"
)

// unordered finds resources that AWS would start before they can work. It is easy to lose a dependency without data
// flow.
func unordered(g Graph) (broken []string) {
	needs := func(users []Registration, short, name string) {
		for _, user := range users {
			for _, needed := range g.Of(short) {
				if (name == "" || needed.Name == name) && !slices.Contains(user.DependsOn, needed.URN) {
					broken = append(broken, fmt.Sprintf("%s does not wait for %s", user, needed))
				}
			}
		}
	}
	named := func(short, name string) []Registration {
		return slices.DeleteFunc(g.Of(short), func(n Registration) bool { return n.Name != name })
	}
	needs(g.Of("ecs.Service"), "cloudcontrol.Resource", "")
	needs(g.Of("lambda.EventSourceMapping"), "cloudcontrol.Resource", "")
	for _, function := range g.Of("lambda.Function") {
		needs([]Registration{function}, "iam.RolePolicy", function.Name)
	}
	for _, mapping := range g.Of("lambda.EventSourceMapping") {
		needs([]Registration{mapping}, "iam.RolePolicy", mapping.functionName())
	}
	for service, roles := range map[string][]string{"api": {"api", "execution"},
		"archive": {"archive", "archive-execution"}} {
		for _, role := range roles {
			needs(named("ecs.Service", service), "iam.RolePolicy", role)
		}
	}
	needs(named("ecs.TaskDefinition", "operator"), "iam.RolePolicy", "operator")
	needs(named("ecs.Service", "api"), "lb.Listener", map[bool]string{true: "https",
		false: "http"}[len(named("lb.Listener", "https")) > 0])
	needs(g.Of("ecs.Service"), "ec2.Route", "private-a-nat")
	needs(g.Of("ecs.Service"), "ec2.VpcEndpoint", "")
	needs(g.Of("lambda.EventSourceMapping"), "ec2.VpcEndpoint", "")
	needs(g.Of("cloudfront.VpcOrigin"), "ec2.Route", "private-a-nat")
	needs(g.Of("ec2.NatGateway"), "ec2.InternetGateway", "")
	for _, n := range g.Of("lambda.EventSourceMapping") {
		if !n.DeleteBeforeReplace {
			broken = append(broken, fmt.Sprintf("%s and its replacement would share a consumer group", n))
		}
	}
	return broken
}
