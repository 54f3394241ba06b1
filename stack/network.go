package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Network is the VPC: a public and a private subnet in each zone, and the security groups of the parts.
type Network struct {
	pulumi.ResourceState

	VpcID          pulumi.IDOutput
	AccountID      pulumi.StringOutput // of the VPC's owner, which is this account: no data source needed
	PublicSubnets  pulumi.StringArray
	PrivateSubnets pulumi.StringArray
	PublicCIDRs    []string
	Groups         map[string]*ec2.SecurityGroup
	Rules          []pulumi.Resource // what must exist before traffic is expected
}

type networkArgs struct {
	Name   string
	Region string
	HTTPS  bool
	// MappingReachesOut says that the event source mapping polls on demand: it then calls AWS from the cluster's subnets.
	MappingReachesOut bool
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
	n.VpcID, n.AccountID = vpc.ID(), vpc.OwnerId

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
	prefixList, err := n.gatewayEndpoints(ctx, args, vpc, tables)
	if err != nil {
		return nil, err
	}
	if err := n.securityGroups(ctx, args, vpc, prefixList); err != nil {
		return nil, err
	}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{"vpcId": n.VpcID})
}

// publicSide is what faces the internet: the load balancer's subnets and the NAT gateways.
func (n *Network) publicSide(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc, subnets []subnet) ([]*ec2.NatGateway, error) {
	child := pulumi.Parent(n)
	gateway, err := ec2.NewInternetGateway(ctx, "internet", &ec2.InternetGatewayArgs{VpcId: vpc.ID(), Tags: nameTag(args.Name)}, child)
	if err != nil {
		return nil, fmt.Errorf("create internet gateway: %w", err)
	}
	table, err := ec2.NewRouteTable(ctx, "public", &ec2.RouteTableArgs{VpcId: vpc.ID(), Tags: nameTag(args.Name, "public")}, child)
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
		zone := "public-" + s.Zone
		sub, err := ec2.NewSubnet(ctx, zone, &ec2.SubnetArgs{
			VpcId: vpc.ID(), CidrBlock: pulumi.String(s.CIDR), AvailabilityZone: pulumi.String(args.Region + s.Zone),
			Tags: nameTag(args.Name, zone),
		}, child)
		if err != nil {
			return nil, fmt.Errorf("create subnet %s: %w", zone, err)
		}
		if _, err := ec2.NewRouteTableAssociation(ctx, zone, &ec2.RouteTableAssociationArgs{SubnetId: sub.ID(), RouteTableId: table.ID()}, child); err != nil {
			return nil, fmt.Errorf("associate route table with %s: %w", zone, err)
		}
		n.PublicSubnets = append(n.PublicSubnets, sub.ID())
		n.PublicCIDRs = append(n.PublicCIDRs, s.CIDR)
		if i >= args.NATGateways {
			continue
		}
		address, err := ec2.NewEip(ctx, "nat-"+s.Zone, &ec2.EipArgs{Domain: pulumi.String("vpc"), Tags: nameTag(args.Name, "nat", s.Zone)}, child)
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

// privateSide is where everything of ours lives. Each zone has a route table of its own, so that a NAT gateway more
// is a route changed and not a subnet moved.
func (n *Network) privateSide(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc, subnets []subnet, nats []*ec2.NatGateway) (pulumi.StringArray, error) {
	child := pulumi.Parent(n)
	var tables pulumi.StringArray
	for i, s := range subnets {
		zone := "private-" + s.Zone
		sub, err := ec2.NewSubnet(ctx, zone, &ec2.SubnetArgs{
			VpcId: vpc.ID(), CidrBlock: pulumi.String(s.CIDR), AvailabilityZone: pulumi.String(args.Region + s.Zone),
			Tags: nameTag(args.Name, zone),
		}, child)
		if err != nil {
			return nil, fmt.Errorf("create subnet %s: %w", zone, err)
		}
		table, err := ec2.NewRouteTable(ctx, zone, &ec2.RouteTableArgs{VpcId: vpc.ID(), Tags: nameTag(args.Name, zone)}, child)
		if err != nil {
			return nil, fmt.Errorf("create route table of %s: %w", zone, err)
		}
		if _, err := ec2.NewRouteTableAssociation(ctx, zone, &ec2.RouteTableAssociationArgs{SubnetId: sub.ID(), RouteTableId: table.ID()}, child); err != nil {
			return nil, fmt.Errorf("associate route table with %s: %w", zone, err)
		}
		route, err := ec2.NewRoute(ctx, zone+"-nat", &ec2.RouteArgs{
			RouteTableId: table.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0"), NatGatewayId: nats[i%len(nats)].ID(),
		}, child)
		if err != nil {
			return nil, fmt.Errorf("create route of %s to its NAT gateway: %w", zone, err)
		}
		n.PrivateSubnets = append(n.PrivateSubnets, sub.ID())
		n.Rules = append(n.Rules, route)
		tables = append(tables, table.ID())
	}
	return tables, nil
}

// gatewayEndpoints keep S3 (image layers) and DynamoDB off the NAT gateways: they cost nothing, the gateways charge by
// the byte. It returns DynamoDB's prefix list, for the processor's way out.
func (n *Network) gatewayEndpoints(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc, tables pulumi.StringArray) (pulumi.StringOutput, error) {
	var prefixList pulumi.StringOutput
	for _, service := range []string{"s3", "dynamodb"} {
		endpoint, err := ec2.NewVpcEndpoint(ctx, service, &ec2.VpcEndpointArgs{
			VpcId: vpc.ID(), VpcEndpointType: pulumi.String("Gateway"),
			ServiceName:   pulumi.Sprintf("com.amazonaws.%s.%s", args.Region, service),
			RouteTableIds: tables, Tags: nameTag(args.Name, service),
		}, pulumi.Parent(n))
		if err != nil {
			return prefixList, fmt.Errorf("create gateway endpoint for %s: %w", service, err)
		}
		n.Rules = append(n.Rules, endpoint)
		prefixList = endpoint.PrefixListId
	}
	return prefixList, nil
}
