package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Network is the VPC: a public and a private subnet in each zone, and the security groups of the parts.
type Network struct {
	pulumi.ResourceState

	VpcID          pulumi.IDOutput
	AccountID      pulumi.StringOutput
	PublicSubnets  pulumi.StringArray
	PrivateSubnets pulumi.StringArray
	Proxies        pulumi.StringOutput // networks of what asks the API for others, with commas between
	Groups         map[string]*ec2.SecurityGroup
	Rules          []pulumi.Resource // what must exist before traffic is expected
}

type networkArgs struct {
	Name      string
	Region    string
	AccountID pulumi.StringOutput
	// Protect and Key are for the bucket of flow logs.
	Protect   bool
	Key       dataKey
	Table     string // the events table's name
	Collector string // image that tasks pull, too
	// ReadFrom is a bucket of another stack's, from which the operator's tool reads; "" is none.
	ReadFrom string
	// Retention is that of the flow logs.
	Retention retentionConfig
	networkParts
	networkConfig
}

func newNetwork(ctx *pulumi.Context, name string, args networkArgs, opts ...pulumi.ResourceOption) (*Network, error) {
	public, private, err := planSubnets(args.CIDR, args.Zones)
	if err != nil {
		return nil, err
	}
	n := &Network{}
	if err := register(ctx, "Network", name, n, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(n)

	vpc, err := ec2.NewVpc(ctx, "vpc", &ec2.VpcArgs{
		CidrBlock:          pulumi.String(args.CIDR),
		EnableDnsHostnames: pulumi.Bool(true), // brokers are known by names that only the VPC's resolver knows
		EnableDnsSupport:   pulumi.Bool(true),
		Tags:               nameTag(args.Name),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create VPC: %w", err)
	}
	n.VpcID, n.AccountID = vpc.ID(), args.AccountID

	// Every VPC comes with a group that lets its members talk to each other. Adopted without rules, it allows nothing.
	if _, err := ec2.NewDefaultSecurityGroup(ctx, "default", &ec2.DefaultSecurityGroupArgs{
		VpcId: vpc.ID(), Tags: nameTag(args.Name, "default-unused"),
	}, child); err != nil {
		return nil, fmt.Errorf("empty default security group: %w", err)
	}

	nats, err := n.publicSide(ctx, args, vpc, public)
	if err != nil {
		return nil, err
	}
	tables, err := n.privateSide(ctx, args, vpc, private, nats)
	if err != nil {
		return nil, err
	}
	prefixLists, err := n.gatewayEndpoints(ctx, args, vpc, tables)
	if err != nil {
		return nil, err
	}
	n.proxies(ctx, args, public, private, prefixLists)
	if err := n.securityGroups(ctx, args, vpc, prefixLists); err != nil {
		return nil, err
	}
	if err := n.interfaceEndpoints(ctx, args, vpc); err != nil {
		return nil, err
	}
	if args.ACLs {
		if err := n.acls(ctx, args, vpc, securityRules(args.networkParts)); err != nil {
			return nil, err
		}
	}
	if args.FlowLogs != "" {
		if err := n.flowLogs(ctx, args, vpc); err != nil {
			return nil, err
		}
	}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{"vpcId": n.VpcID})
}

// publicSide is what faces the internet: the load balancer's subnets and the NAT gateways.
func (n *Network) publicSide(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc, subnets []subnet) ([]*ec2.NatGateway,
	error) {
	child := pulumi.Parent(n)
	gateway, err := ec2.NewInternetGateway(ctx, "internet", &ec2.InternetGatewayArgs{VpcId: vpc.ID(),
		Tags: nameTag(args.Name)}, child)
	if err != nil {
		return nil, fmt.Errorf("create internet gateway: %w", err)
	}
	table, err := ec2.NewRouteTable(ctx, "public", &ec2.RouteTableArgs{VpcId: vpc.ID(),
		Tags: nameTag(args.Name, "public")}, child)
	if err != nil {
		return nil, fmt.Errorf("create public route table: %w", err)
	}
	if _, err := ec2.NewRoute(ctx, "public-internet", &ec2.RouteArgs{
		RouteTableId: table.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0"), GatewayId: gateway.ID(),
	}, child); err != nil {
		return nil, fmt.Errorf("create route to the internet: %w", err)
	}

	var nats []*ec2.NatGateway
	for i, s := range subnets {
		sub, err := n.subnet(ctx, args, vpc, "public", s, table)
		if err != nil {
			return nil, err
		}
		n.PublicSubnets = append(n.PublicSubnets, sub.ID())
		if i >= args.NATGateways {
			continue
		}
		address, err := ec2.NewEip(ctx, "nat-"+s.Zone, &ec2.EipArgs{Domain: pulumi.String("vpc"),
			Tags: nameTag(args.Name, "nat", s.Zone)}, child)
		if err != nil {
			return nil, fmt.Errorf("create address of NAT gateway in %s: %w", s.Zone, err)
		}
		// AWS asks for the internet gateway first, and no property says so.
		nat, err := ec2.NewNatGateway(ctx, "nat-"+s.Zone, &ec2.NatGatewayArgs{
			AllocationId: address.ID(), SubnetId: sub.ID(), Tags: nameTag(args.Name, s.Zone),
		}, child, pulumi.DependsOn([]pulumi.Resource{gateway}))
		if err != nil {
			return nil, fmt.Errorf("create NAT gateway in %s: %w", s.Zone, err)
		}
		nats = append(nats, nat)
	}
	return nats, nil
}

// lateInterfaces gives a deletion the time that AWS takes to free the network interfaces of a function and of pollers,
// which outlive both by up to 40 minutes. The provider would give a subnet 20 minutes and a group 15.
var lateInterfaces = pulumi.Timeouts(&pulumi.CustomTimeouts{Delete: "60m"})

// subnet makes one of a zone, whose traffic leaves by table.
func (n *Network) subnet(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc, side string, s subnet,
	table *ec2.RouteTable) (*ec2.Subnet, error) {
	name, child := side+"-"+s.Zone, pulumi.Parent(n)
	sub, err := ec2.NewSubnet(ctx, name, &ec2.SubnetArgs{
		VpcId: vpc.ID(), CidrBlock: pulumi.String(s.CIDR), AvailabilityZone: pulumi.String(args.Region + s.Zone),
		Tags: nameTag(args.Name, name),
	}, child, lateInterfaces)
	if err != nil {
		return nil, fmt.Errorf("create subnet %s: %w", name, err)
	}
	if _, err := ec2.NewRouteTableAssociation(ctx, name, &ec2.RouteTableAssociationArgs{
		SubnetId: sub.ID(), RouteTableId: table.ID(),
	}, child); err != nil {
		return nil, fmt.Errorf("associate route table with %s: %w", name, err)
	}
	return sub, nil
}

// privateSide is where everything of ours lives. Each zone has a route table of its own, so that a NAT gateway more
// is a route changed and not a subnet moved.
func (n *Network) privateSide(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc, subnets []subnet,
	nats []*ec2.NatGateway) (pulumi.StringArray, error) {
	child := pulumi.Parent(n)
	var tables pulumi.StringArray
	for i, s := range subnets {
		zone := "private-" + s.Zone
		table, err := ec2.NewRouteTable(ctx, zone, &ec2.RouteTableArgs{
			VpcId: vpc.ID(), Tags: nameTag(args.Name, zone),
		}, child)
		if err != nil {
			return nil, fmt.Errorf("create route table of %s: %w", zone, err)
		}
		sub, err := n.subnet(ctx, args, vpc, "private", s, table)
		if err != nil {
			return nil, err
		}
		n.PrivateSubnets = append(n.PrivateSubnets, sub.ID())
		tables = append(tables, table.ID())
		if len(nats) == 0 { // the stack stands by, or has endpoints
			continue
		}
		route, err := ec2.NewRoute(ctx, zone+"-nat", &ec2.RouteArgs{
			RouteTableId: table.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0"), NatGatewayId: nats[i%len(nats)].ID(),
		}, child)
		if err != nil {
			return nil, fmt.Errorf("create route of %s to its NAT gateway: %w", zone, err)
		}
		n.Rules = append(n.Rules, route)
	}
	return tables, nil
}

// gatewayEndpoints keep S3 (image layers) and DynamoDB off the NAT gateways: they cost nothing, the gateways charge by
// the byte. It returns their prefix lists, for what has no other way out.
func (n *Network) gatewayEndpoints(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc,
	tables pulumi.StringArray) (map[string]pulumi.StringOutput, error) {
	prefixLists := map[string]pulumi.StringOutput{}
	for _, service := range []string{s3List, dynamoDB} {
		endpoint, err := ec2.NewVpcEndpoint(ctx, service, &ec2.VpcEndpointArgs{
			VpcId: vpc.ID(), VpcEndpointType: pulumi.String("Gateway"),
			ServiceName:   pulumi.Sprintf("com.amazonaws.%s.%s", args.Region, service),
			RouteTableIds: tables, Tags: nameTag(args.Name, service),
			Policy: policyOf(func(arns []string) document {
				return endpointPolicy(service, args.Name, args.Region, arns[0], args.Table, args.ReadFrom, args.Processors)
			}, args.AccountID),
		}, pulumi.Parent(n))
		if err != nil {
			return nil, fmt.Errorf("create gateway endpoint for %s: %w", service, err)
		}
		n.Rules = append(n.Rules, endpoint)
		prefixLists[service] = endpoint.PrefixListId
	}
	return prefixLists, nil
}

// originFacing is AWS's list of the addresses that CloudFront asks origins from.
const originFacing = "com.amazonaws.global.cloudfront.origin-facing"

// proxies finds out whose X-Forwarded-For the API may believe: the load balancer's, and CloudFront's where it stands
// before it. CloudFront names the client, and the balancer names CloudFront: by an address of AWS's list, or by that
// of CloudFront's interface in the balancer's subnets.
func (n *Network) proxies(ctx *pulumi.Context, args networkArgs, public, private []subnet,
	prefixLists map[string]pulumi.StringOutput) {
	networks := func(subnets []subnet) (all []string) {
		for _, s := range subnets {
			all = append(all, s.CIDR)
		}
		return all
	}
	n.Proxies = pulumi.String(strings.Join(networks(public), ",")).ToStringOutput()
	if !slices.Contains(args.Clients, cloudFront) {
		return
	}
	list := ec2.LookupManagedPrefixListOutput(ctx, ec2.LookupManagedPrefixListOutputArgs{
		Name: pulumi.String(originFacing)}, pulumi.Parent(n))
	prefixLists[cloudFront] = list.Id()
	n.Proxies = list.Entries().ApplyT(func(entries []ec2.GetManagedPrefixListEntryType) string {
		all := networks(private)
		for _, entry := range entries {
			all = append(all, entry.Cidr)
		}
		slices.Sort(all[len(private):]) // AWS's order is none, and another one would be another task
		return strings.Join(all, ",")
	}).(pulumi.StringOutput)
}
