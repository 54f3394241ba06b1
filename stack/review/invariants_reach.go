package review

import (
	"fmt"
	"slices"
	"strings"
)

// brokerPort is MSK's for IAM over TLS.
const brokerPort = 9098

// first is the text at a path, or the first of a list that is there.
func (n Registration) first(path ...string) string {
	v := n.At(path...)
	if v.IsArray() && len(v.ArrayValue()) > 0 {
		v = v.ArrayValue()[0]
	}
	if v.IsString() {
		return v.StringValue()
	}
	return ""
}

// cutOff finds ways through the network that the parts of the service need and do not have: each connection between two
// of them, out and in, and each subnet's way out.
func cutOff(g Graph) (broken []string) {
	if len(g.Of("msk.Cluster")) == 0 {
		return nil // the stack of the artifacts has no network
	}
	w := crossings{Graph: g}
	for _, n := range g.endpoints() {
		w.endpoints = n.first("securityGroupIds")
	}
	var balancer, brokers string
	tasks := g.serving().first("networkConfiguration", "securityGroups")
	for _, n := range g.Of("lb.LoadBalancer") {
		balancer = n.first("securityGroups")
	}
	for _, n := range g.Of("msk.Cluster") {
		brokers = n.first("brokerNodeGroupInfo", "securityGroups")
	}
	for _, n := range g.Of("lb.TargetGroup") {
		w.between(balancer, tasks, n.Number("port"))
	}
	for _, n := range g.Of("lb.Listener") {
		w.in(balancer, "", n.Number("port"))
	}
	for _, n := range g.Of("ecs.Service") {
		group := n.first("networkConfiguration", "securityGroups")
		w.between(group, brokers, brokerPort)
		w.services(group) // images, logs, and what else AWS has for them
		if w.endpoints != "" {
			w.out(group, g.prefixList("s3"), 443) // layers of images
		}
	}
	if w.endpoints != "" && g.environment()["STORE"] == "dynamodb" {
		w.out(tasks, g.prefixList("dynamodb"), 443)
	}
	for _, n := range g.Of("elasticache.ServerlessCache") {
		for _, port := range []float64{6379, 6380} { // of writes, and of reads from a copy
			w.between(tasks, n.first("securityGroupIds"), port)
		}
	}
	w.between(brokers, brokers, brokerPort) // the pollers are in the brokers' group
	for _, n := range g.Of("lambda.EventSourceMapping") {
		if n.At("provisionedPollerConfig").IsNull() {
			w.services(brokers) // pollers on demand call Lambda
		} else if n.Text("destinationConfig", "onFailure", "destinationArn") != "" {
			w.out(brokers, g.prefixList("s3"), 443)
		}
	}
	for _, n := range g.processors() {
		group := n.first("vpcConfig", "securityGroupIds")
		w.between(group, brokers, brokerPort)
		if n.Text("environment", "variables", "STORE") == "dynamodb" {
			w.out(group, g.prefixList("dynamodb"), 443)
		}
		if n.wrapsKeys() {
			w.services(group) // KMS
		}
	}
	w.subnets()
	return slices.Compact(w.broken)
}

// prefixList is the prefix list of a gateway endpoint, as the recorder makes it up.
func (g Graph) prefixList(service string) string {
	for _, n := range g.Of("ec2.VpcEndpoint") {
		if strings.HasSuffix(n.Text("serviceName"), "."+service) {
			return "pl-" + n.Name
		}
	}
	return ""
}

// crossings checks the ways between security groups, and out of subnets.
type crossings struct {
	Graph
	endpoints string // security group of the interface endpoints; "": NAT gateways are the way out
	broken    []string
}

// services is the way to services of AWS's.
func (w *crossings) services(group string) {
	if w.endpoints != "" {
		w.between(group, w.endpoints, 443)
		return
	}
	w.out(group, "0.0.0.0/0", 443)
}

func (w *crossings) between(from, to string, port float64) {
	w.out(from, to, port)
	w.in(to, from, port)
}

func (w *crossings) out(group, to string, port float64) {
	w.rule("vpc.SecurityGroupEgressRule", group, to, port, "%s may not go to %s on %g")
}

// in demands a way into a group; from "" is any network.
func (w *crossings) in(group, from string, port float64) {
	w.rule("vpc.SecurityGroupIngressRule", group, from, port, "%s lets nobody in from %s on %g")
}

func (w *crossings) rule(short, group, other string, port float64, missing string) {
	for _, n := range w.Of(short) {
		if n.Text("securityGroupId") != group || n.Number("fromPort") > port || n.Number("toPort") < port {
			continue
		}
		cidr, named := n.Text("cidrIpv4"), []string{n.Text("referencedSecurityGroupId"), n.Text("prefixListId")}
		if cidr == "0.0.0.0/0" || other == "" && (cidr != "" || named[1] != "") || other != "" && (cidr == other ||
			slices.Contains(named, other)) {
			return
		}
	}
	if other == "" {
		other = "any network"
	}
	w.broken = append(w.broken, fmt.Sprintf(missing, group, other, port))
}

// subnets finds subnets without routes: those of NAT gateways and of a load balancer that the internet reaches need the
// internet's gateway, the others that or a NAT gateway, where there is one.
func (w *crossings) subnets() {
	public := map[string]bool{}
	for _, n := range w.Of("lb.LoadBalancer") {
		for _, subnet := range n.list("subnets") {
			public[fmt.Sprint(subnet)] = !n.Is("internal")
		}
	}
	for _, n := range w.Of("ec2.NatGateway") {
		public[n.Text("subnetId")] = true
	}
	tables := map[string]string{}
	for _, n := range w.Of("ec2.RouteTableAssociation") {
		tables[n.Text("subnetId")] = n.Text("routeTableId")
	}
	for _, n := range w.Of("ec2.Subnet") {
		id := "ec2.Subnet-" + n.Name // as the recorder makes it up
		table := tables[id]
		if !public[id] && len(w.Of("ec2.NatGateway")) == 0 && table != "" {
			continue
		}
		out := slices.ContainsFunc(w.Of("ec2.Route"), func(r Registration) bool {
			return r.Text("routeTableId") == table && r.Text("destinationCidrBlock") == "0.0.0.0/0" &&
				(r.Text("gatewayId") != "" || !public[id] && r.Text("natGatewayId") != "")
		})
		switch {
		case table == "":
			w.broken = append(w.broken, fmt.Sprintf("%s has no route table", n))
		case !out:
			w.broken = append(w.broken, fmt.Sprintf("%s has no way out of %s", n, table))
		}
	}
}
