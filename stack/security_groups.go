package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	apiPort     = 5000
	metricsPort = 9464
	kafkaPort   = 9098 // MSK's listener for IAM over TLS; no other is opened

	anywhere = "anywhere" // peer: the internet
	dynamoDB = "dynamodb" // peer: the gateway endpoint's prefix list
)

// groupPurpose has a security group for each part, by name, with what AWS shows beside it.
var groupPurpose = map[string]string{
	"edge":      "Load balancer: the only part that the internet reaches",
	"api":       "API tasks",
	"processor": "Processor function",
	"kafka":     "Brokers, and the pollers of the event source mapping, which AWS puts into the same group",
}

// rule lets traffic on one port into or out of Group. Peer is another group or one of the words above.
type rule struct {
	Group, Peer string
	Out         bool
	Port        int
	Why         string
}

// securityRules is all traffic that is allowed. Both ends of a connection have their rule.
func securityRules(https, mappingReachesOut bool) []rule {
	rules := []rule{
		{Group: "edge", Peer: anywhere, Port: 80, Why: "Clients"},
		{Group: "edge", Peer: "api", Out: true, Port: apiPort, Why: "Requests and health checks to the API"},
		{Group: "api", Peer: "edge", Port: apiPort, Why: "Requests and health checks from the load balancer"},
		{Group: "api", Peer: "kafka", Out: true, Port: kafkaPort, Why: "Produce events"},
		// Image, logs and secrets come by the NAT gateway; AWS gives their services no fixed addresses.
		{Group: "api", Peer: anywhere, Out: true, Port: 443, Why: "AWS APIs: ECR, CloudWatch Logs, Secrets Manager, DynamoDB, X-Ray"},
		{Group: "processor", Peer: "kafka", Out: true, Port: kafkaPort, Why: "Produce dead letters"},
		{Group: "processor", Peer: dynamoDB, Out: true, Port: 443, Why: "The events table"},
		{Group: "kafka", Peer: "api", Port: kafkaPort, Why: "Events from the API"},
		{Group: "kafka", Peer: "processor", Port: kafkaPort, Why: "Dead letters from the processor"},
		{Group: "kafka", Peer: "kafka", Port: kafkaPort, Why: "Pollers of the event source mapping"},
		{Group: "kafka", Peer: "kafka", Out: true, Port: kafkaPort, Why: "Pollers to the brokers"},
	}
	if https {
		rules = append(rules, rule{Group: "edge", Peer: anywhere, Port: 443, Why: "Clients over TLS"})
	}
	if mappingReachesOut {
		rules = append(rules, rule{Group: "kafka", Peer: anywhere, Out: true, Port: 443, Why: "Pollers on demand call Lambda and STS from here"})
	}
	return rules
}

// securityGroups registers the groups and one resource for each rule: rules written inside a group would be replaced
// as a whole, and two groups that name each other could not be created at all.
func (n *Network) securityGroups(ctx *pulumi.Context, args networkArgs, in *ec2.Vpc, dynamoDBList pulumi.StringOutput) error {
	child := pulumi.Parent(n)
	n.Groups = map[string]*ec2.SecurityGroup{}
	for _, name := range []string{"edge", "api", "processor", "kafka"} {
		group, err := ec2.NewSecurityGroup(ctx, name, &ec2.SecurityGroupArgs{
			// A prefix, not a name: a new description replaces the group, and the old one still has the name then.
			NamePrefix: pulumi.String(args.Name + "-" + name + "-"), VpcId: in.ID(), Description: pulumi.String(groupPurpose[name]),
			// The function's network interfaces outlive it by up to 40 minutes: without this the group would wait for them.
			RevokeRulesOnDelete: pulumi.Bool(true), Tags: nameTag(args.Name, name),
		}, child)
		if err != nil {
			return fmt.Errorf("create security group %s: %w", name, err)
		}
		n.Groups[name] = group
	}

	for _, r := range securityRules(args.HTTPS, args.MappingReachesOut) {
		var cidr, list, peer pulumi.StringPtrInput
		switch r.Peer {
		case anywhere:
			cidr = pulumi.String("0.0.0.0/0")
		case dynamoDB:
			list = dynamoDBList
		default:
			peer = n.Groups[r.Peer].ID()
		}
		group, port, why := n.Groups[r.Group].ID(), pulumi.Int(r.Port), pulumi.String(r.Why)
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
			name = fmt.Sprintf("%s-from-%s-%d", r.Group, r.Peer, r.Port)
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
