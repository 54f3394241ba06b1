package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The two kinds of subnets. Each kind has one list, as the security groups tell the parts in it apart.
const (
	publicSide  = "public"
	privateSide = "private"
)

// The ports that a caller may have: AWS's load balancers, NAT gateways and functions take any of these.
const (
	firstCallerPort = 1024
	lastCallerPort  = 65535
)

// aclEntry lets packets into or out of a kind of subnets. A list knows packets and no connections, so each connection
// needs one entry on its way out and one on its way back, at both of its ends.
type aclEntry struct {
	Side     string
	Out      bool
	CIDR     string
	From, To int // ports that the packets go to
}

// halves are the private and the public part of the VPC, see planSubnets: a zone more changes no list.
func halves(cidr string) (private, public string) {
	network := netip.MustParsePrefix(cidr)
	low := netip.PrefixFrom(network.Addr(), network.Bits()+1)
	high := network.Addr().As4()
	high[network.Bits()/8] |= 0x80 >> (network.Bits() % 8)
	return low.String(), netip.PrefixFrom(netip.AddrFrom4(high), low.Bits()).String()
}

// aclEntries are made of the rules of the security groups, so that a list can't forbid what they allow.
func aclEntries(cidr string, rules []rule) (entries []aclEntry) {
	private, public := halves(cidr)
	network := map[string]string{privateSide: private, publicSide: public}
	hidden := slices.ContainsFunc(rules, func(r rule) bool { return r.Peer == cloudFront })
	sideOf := func(group string) string {
		if group == "edge" && !hidden { // behind CloudFront the balancer has no public address
			return publicSide
		}
		return privateSide
	}
	// connect lets a side call a port somewhere, or be called, and the answers back.
	connect := func(side string, out bool, peer string, port int) {
		entries = append(entries, aclEntry{side, out, peer, port, port},
			aclEntry{side, !out, peer, firstCallerPort, lastCallerPort})
	}
	for _, r := range rules {
		if r.GroupID != "" {
			continue // the group of a service of the handlers, in subnets that are not this program's
		}
		side, peer := sideOf(r.Group), network[sideOf(r.Peer)]
		switch {
		case r.Peer == cloudFront:
			// It comes by interfaces in the balancer's subnets, which are in other zones, too.
			connect(side, true, network[side], r.Port)
			peer = internet
		case r.Peer == dynamoDB || r.Peer == s3List:
			peer = internet // a list takes no prefix lists; the endpoints' addresses are AWS's public ones
		case r.Peer == anywhere:
			peer = cmp.Or(r.CIDR, internet)
		case r.PeerID != "":
			peer = cidr
		}
		connect(side, r.Out, peer, r.Port)
		if r.Peer == anywhere && r.Out && side == privateSide {
			// Through a NAT gateway, which is called by the private subnets and calls in their place.
			connect(publicSide, false, private, r.Port)
			connect(publicSide, true, peer, r.Port)
		}
	}
	slices.SortFunc(entries, func(a, b aclEntry) int {
		return cmp.Or(strings.Compare(a.Side, b.Side), a.From-b.From, strings.Compare(a.CIDR, b.CIDR))
	})
	seen := map[aclEntry]bool{}
	return slices.DeleteFunc(entries, func(e aclEntry) bool { twice := seen[e]; seen[e] = true; return twice })
}

// aclRoom is what AWS takes of one list in one direction, without a request for more; one is for ICMP.
const aclRoom = 20

// aclOf are the entries of a side in one direction.
func aclOf(entries []aclEntry, side string, out bool) []aclEntry {
	return slices.DeleteFunc(slices.Clone(entries), func(e aclEntry) bool { return e.Side != side || e.Out != out })
}

// requireACLRoom refuses what AWS would.
func (c config) requireACLRoom(f *findings, rules []rule) {
	if !c.Network.ACLs || len(*f) > 0 {
		return
	}
	for _, side := range []string{privateSide, publicSide} {
		for _, out := range []bool{false, true} {
			n := len(aclOf(aclEntries(c.Network.CIDR, rules), side, out)) + 1
			f.require(n <= aclRoom, "network.acls", "the %s subnets' list would have %d entries in one direction, and AWS "+
				"takes %d: name fewer networks in edge.allowedNetworks, or set it to false", side, n, aclRoom)
		}
	}
}

// acls registers a list for each kind of subnets, before anything is in them.
func (n *Network) acls(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc, rules []rule) error {
	entries := aclEntries(args.CIDR, rules)
	for side, subnets := range map[string]pulumi.StringArray{privateSide: n.PrivateSubnets, publicSide: n.PublicSubnets} {
		var in ec2.NetworkAclIngressArray
		var out ec2.NetworkAclEgressArray
		// "Fragmentation needed": without it a path with a smaller packet size is a connection that hangs.
		in = append(in, &ec2.NetworkAclIngressArgs{RuleNo: pulumi.Int(1), Action: pulumi.String("allow"),
			Protocol: pulumi.String("icmp"), CidrBlock: pulumi.String(internet), FromPort: pulumi.Int(0), ToPort: pulumi.Int(0),
			IcmpType: pulumi.Int(3), IcmpCode: pulumi.Int(4)})
		out = append(out, &ec2.NetworkAclEgressArgs{RuleNo: pulumi.Int(1), Action: pulumi.String("allow"),
			Protocol: pulumi.String("icmp"), CidrBlock: pulumi.String(internet), FromPort: pulumi.Int(0), ToPort: pulumi.Int(0),
			IcmpType: pulumi.Int(3), IcmpCode: pulumi.Int(4)})
		for number, e := range numbered(aclOf(entries, side, false)) {
			in = append(in, &ec2.NetworkAclIngressArgs{RuleNo: pulumi.Int(number), Action: pulumi.String("allow"),
				Protocol: pulumi.String("tcp"), CidrBlock: pulumi.String(e.CIDR), FromPort: pulumi.Int(e.From),
				ToPort: pulumi.Int(e.To)})
		}
		for number, e := range numbered(aclOf(entries, side, true)) {
			out = append(out, &ec2.NetworkAclEgressArgs{RuleNo: pulumi.Int(number), Action: pulumi.String("allow"),
				Protocol: pulumi.String("tcp"), CidrBlock: pulumi.String(e.CIDR), FromPort: pulumi.Int(e.From),
				ToPort: pulumi.Int(e.To)})
		}
		list, err := ec2.NewNetworkAcl(ctx, side, &ec2.NetworkAclArgs{
			VpcId: vpc.ID(), SubnetIds: subnets, Ingress: in, Egress: out, Tags: nameTag(args.Name, side),
		}, pulumi.Parent(n))
		if err != nil {
			return fmt.Errorf("create network ACL of %s subnets: %w", side, err)
		}
		n.Rules = append(n.Rules, list)
	}
	return nil
}

// numbered gives each entry the number of its port, as all of them allow and their order is of no matter: an entry that
// comes or goes then changes no other.
func numbered(entries []aclEntry) func(yield func(int, aclEntry) bool) {
	return func(yield func(int, aclEntry) bool) {
		taken := map[int]bool{}
		for _, e := range entries {
			number := max(2, e.From%30000) // AWS's numbers end at 32766
			for taken[number] {
				number++
			}
			taken[number] = true
			if !yield(number, e) {
				return
			}
		}
	}
}
