package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	apiPort     = 5000
	metricsPort = 9464
	kafkaPort   = 9098 // MSK's listener for IAM over TLS; no other is opened

	internet = "0.0.0.0/0"
	anywhere = "anywhere" // peer: the internet, or a network of it
	dynamoDB = "dynamodb" // peer: the gateway endpoint's prefix list
	s3List   = "s3"       // the same

	// cloudFront is the peer in place of the internet where CloudFront stands before the load balancer: AWS's list of the
	// addresses that it asks origins from.
	cloudFront = "cloudfront"
)

// groupPurpose has a security group for each part but the processors, by name, with what AWS shows beside it.
var groupPurpose = map[string]string{
	"edge":    "Load balancer: the only part that the internet reaches",
	"api":     "API tasks",
	"kafka":   "Brokers, and the pollers of the event source mapping, which AWS puts into the same group",
	"cache":   "Cache of rate limits, where there is one",
	"archive": "Archiver, where there is one",

	endpointsGroup: "Interface endpoints, where they are in place of NAT gateways",
}

// rule lets traffic on one port into or out of Group. Peer is another group or one of the words above.
type rule struct {
	Group, Peer     string
	GroupID, PeerID string // of a security group that is not this program's; "" is one of groupPurpose
	CIDR            string // of the peer anywhere; "" is the internet
	Out             bool
	Port            int
	Why             string
}

// processorGroup is the security group of a processor.
func processorGroup(p namedProcessor) string { return p.of("processor") }

// networkParts are what talks in the network, as far as a stack chooses it.
type networkParts struct {
	Clients        []string // networks that may reach the load balancer, or cloudFront
	HTTPS          bool
	Processors     []namedProcessor
	Cache, Archive bool     // there is one
	Outside        []string // choices for which all processors leave the VPC
	Endpoints      []string // services with an interface endpoint; none: NAT gateways are the way out
}

func (c config) networkParts() networkParts {
	return networkParts{Clients: c.Edge.Clients(), HTTPS: c.Edge.HTTPS(), Processors: c.processors(),
		Cache: c.Cache.Enabled, Archive: c.Archive.Enabled, Outside: c.Privacy.outside(),
		Endpoints: c.endpointServices()}
}

// groups are the security groups that the parts have.
func (p networkParts) groups() []string {
	names := []string{"edge", "api", "kafka"}
	if p.Cache {
		names = append(names, "cache")
	}
	if p.Archive {
		names = append(names, "archive")
	}
	if len(p.Endpoints) > 0 {
		names = append(names, endpointsGroup)
	}
	for _, processor := range p.Processors {
		names = append(names, processorGroup(processor))
	}
	return names
}

// services is the peer through which AWS's services are reached.
func (p networkParts) services() string {
	if len(p.Endpoints) > 0 {
		return endpointsGroup
	}
	return anywhere
}

// throughEndpoints are the rules that endpoints take in place of the way out: their own ends, and ways to the gateways
// of S3, which has the layers of images, and DynamoDB.
func throughEndpoints(p networkParts, rules []rule) (more []rule) {
	if len(p.Endpoints) == 0 {
		return nil
	}
	for _, r := range rules {
		if r.Peer == endpointsGroup {
			more = append(more, rule{Group: endpointsGroup, Peer: r.Group, Port: r.Port, Why: r.Why})
		}
	}
	more = append(more, rule{Group: "api", Peer: s3List, Out: true, Port: 443, Why: "Layers of images, the archive"},
		rule{Group: "api", Peer: dynamoDB, Out: true, Port: 443, Why: "The events table"})
	if p.Archive {
		more = append(more, rule{Group: "archive", Peer: s3List, Out: true, Port: 443, Why: "Layers of images, the archive"})
	}
	return more
}

// securityRules is all traffic that is allowed. Both ends of a connection have their rule.
func securityRules(p networkParts) []rule {
	services := p.services()
	rules := []rule{
		{Group: "edge", Peer: "api", Out: true, Port: apiPort, Why: "Requests and health checks to the API"},
		{Group: "api", Peer: "edge", Port: apiPort, Why: "Requests and health checks from the load balancer"},
		{Group: "api", Peer: "kafka", Out: true, Port: kafkaPort, Why: "Produce events"},
		// Image, logs and secrets come by the NAT gateway, as AWS gives their services no fixed addresses, or by endpoints.
		{Group: "api", Peer: services, Out: true, Port: 443,
			Why: "AWS APIs: ECR, CloudWatch Logs, Secrets Manager, DynamoDB, X-Ray"},
		{Group: "kafka", Peer: "api", Port: kafkaPort, Why: "Events from the API"},
		{Group: "kafka", Peer: "kafka", Port: kafkaPort, Why: "Pollers of the event source mapping"},
		{Group: "kafka", Peer: "kafka", Out: true, Port: kafkaPort, Why: "Pollers to the brokers"},
	}
	if p.Archive {
		rules = append(rules,
			rule{Group: "archive", Peer: "kafka", Out: true, Port: kafkaPort, Why: "Read events and dead letters"},
			rule{Group: "archive", Peer: services, Out: true, Port: 443, Why: "AWS APIs: ECR, CloudWatch Logs, S3"},
			rule{Group: "kafka", Peer: "archive", Port: kafkaPort, Why: "The archiver reads"})
	}
	if p.Cache {
		for _, port := range []int{cachePort, cacheReaderPort} {
			rules = append(rules,
				rule{Group: "api", Peer: "cache", Out: true, Port: port, Why: "Rate limits that tasks share"},
				rule{Group: "cache", Peer: "api", Port: port, Why: "Rate limits of the API"})
		}
	}
	onDemand, provisioned := false, false
	also := p.Outside
	for _, p := range p.Processors {
		group := processorGroup(p)
		rules = append(rules,
			rule{Group: group, Peer: "kafka", Out: true, Port: kafkaPort, Why: "Produce dead letters"},
			rule{Group: group, Peer: dynamoDB, Out: true, Port: 443, Why: "The events table"},
			rule{Group: "kafka", Peer: group, Port: kafkaPort, Why: "Dead letters from the processor"})
		rules = append(rules, p.Uses.rules(group, services, also)...)
		onDemand, provisioned = onDemand || p.Provisioned == nil, provisioned || p.Provisioned != nil
	}
	clients := p.Clients
	if slices.Contains(clients, cloudFront) {
		// One port: the list counts as 55 of the 60 rules that a group may have.
		port := 80
		if p.HTTPS {
			port = 443
		}
		rules = append(rules, rule{Group: "edge", Peer: cloudFront, Port: port, Why: "Clients, by CloudFront"})
		clients = nil
	}
	for _, network := range clients {
		rules = append(rules, rule{Group: "edge", Peer: anywhere, CIDR: network, Port: 80, Why: "Clients"})
		if p.HTTPS {
			rules = append(rules, rule{Group: "edge", Peer: anywhere, CIDR: network, Port: 443, Why: "Clients over TLS"})
		}
	}
	if onDemand {
		rules = append(rules, rule{Group: "kafka", Peer: services, Out: true, Port: 443,
			Why: "Pollers on demand call Lambda and STS from here"})
	}
	if provisioned {
		// AWS asks for a way to the destination inside the cluster's VPC: the pollers use the cluster's subnets and group.
		rules = append(rules, rule{Group: "kafka", Peer: s3List, Out: true, Port: 443,
			Why: "Provisioned pollers put what they give up on into the undelivered bucket"})
	}
	return append(rules, throughEndpoints(p, rules)...)
}

// securityGroups registers the groups and one resource for each rule: rules written inside a group would be replaced
// as a whole, and two groups that name each other could not be created at all.
func (n *Network) securityGroups(ctx *pulumi.Context, args networkArgs, in *ec2.Vpc,
	prefixLists map[string]pulumi.StringOutput) error {
	child := pulumi.Parent(n)
	n.Groups = map[string]*ec2.SecurityGroup{}
	for _, name := range args.groups() {
		purpose, shared := groupPurpose[name]
		if !shared {
			purpose = "Processor function"
		}
		group, err := ec2.NewSecurityGroup(ctx, name, &ec2.SecurityGroupArgs{
			// A prefix, not a name: a new description replaces the group, and the old one still has the name then.
			NamePrefix: pulumi.String(args.Name + "-" + name + "-"), VpcId: in.ID(),
			Description: pulumi.String(purpose),
			// The function's network interfaces outlive it by up to 40 minutes: without this the group would wait for them.
			RevokeRulesOnDelete: pulumi.Bool(true), Tags: nameTag(args.Name, name),
		}, child, lateInterfaces)
		if err != nil {
			return fmt.Errorf("create security group %s: %w", name, err)
		}
		n.Groups[name] = group
	}

	id := func(name, foreign string) pulumi.StringInput {
		if foreign != "" {
			return pulumi.String(foreign)
		}
		return n.Groups[name].ID()
	}
	for _, r := range securityRules(args.networkParts) {
		var cidr, list, peer pulumi.StringPtrInput
		switch r.Peer {
		case anywhere:
			cidr = pulumi.String(cmp.Or(r.CIDR, internet))
		case dynamoDB, s3List, cloudFront:
			list = prefixLists[r.Peer]
		default:
			peer = id(r.Peer, r.PeerID).ToStringOutput().ToStringPtrOutput()
		}
		from := r.Peer
		if r.CIDR != "" && r.CIDR != internet {
			from = r.CIDR
		}
		group, port, why := id(r.Group, r.GroupID), pulumi.Int(r.Port), pulumi.String(r.Why)
		var registered pulumi.Resource
		var name string
		var err error
		if r.Out {
			name = fmt.Sprintf("%s-to-%s-%d", r.Group, r.Peer, r.Port)
			registered, err = vpc.NewSecurityGroupEgressRule(ctx, name, &vpc.SecurityGroupEgressRuleArgs{
				SecurityGroupId: group, IpProtocol: pulumi.String("tcp"), FromPort: port, ToPort: port,
				CidrIpv4: cidr, PrefixListId: list, ReferencedSecurityGroupId: peer, Description: why,
			}, child)
		} else {
			name = fmt.Sprintf("%s-from-%s-%d", r.Group, from, r.Port)
			registered, err = vpc.NewSecurityGroupIngressRule(ctx, name, &vpc.SecurityGroupIngressRuleArgs{
				SecurityGroupId: group, IpProtocol: pulumi.String("tcp"), FromPort: port, ToPort: port,
				CidrIpv4: cidr, PrefixListId: list, ReferencedSecurityGroupId: peer, Description: why,
			}, child)
		}
		if err != nil {
			return fmt.Errorf("create security rule %s: %w", name, err)
		}
		n.Rules = append(n.Rules, registered)
	}
	return nil
}
