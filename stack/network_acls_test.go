package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"event-processing-service/stack/review"
)

// lists simulates the VPC's network ACLs as they are registered: packets, and no connections.
type lists struct {
	t       *testing.T
	g       review.Graph
	acl     map[string]*review.Registration // by subnet
	cidr    map[string]netip.Prefix         // of a subnet
	members map[string][]string             // subnets by security group
}

// somewhere is a host of the internet.
var somewhere = netip.MustParseAddr("203.0.113.7")

func newLists(t *testing.T, g review.Graph) lists {
	t.Helper()
	l := lists{t, g, map[string]*review.Registration{}, map[string]netip.Prefix{}, map[string][]string{}}
	for _, n := range g.Of("ec2.Subnet") {
		l.cidr["ec2.Subnet-"+n.Name] = netip.MustParsePrefix(n.Text("cidrBlock"))
	}
	for _, n := range g.Of("ec2.NetworkAcl") {
		for _, subnet := range n.At("subnetIds").ArrayValue() {
			l.acl[subnet.StringValue()] = &n
		}
	}
	for _, n := range g.Nodes {
		l.place(n.Plain())
	}
	return l
}

// place notes in which subnets the members of a security group are: of a balancer, a service, a cluster, a function.
func (l lists) place(value any) {
	object, _ := value.(map[string]any)
	var groups, subnets []any
	for key, inner := range object {
		list, is := inner.([]any)
		switch {
		case is && strings.HasPrefix(key, "securityGroup"):
			groups = list
		case is && (strings.HasPrefix(key, "subnet") || key == "clientSubnets"):
			subnets = list
		default:
			l.place(inner)
		}
	}
	for _, group := range groups {
		for _, subnet := range subnets {
			l.members[fmt.Sprint(group)] = append(l.members[fmt.Sprint(group)], fmt.Sprint(subnet))
		}
	}
}

// passes reports whether a subnet's list lets a packet in from, or out to, a host; port is where the packet goes.
func (l lists) passes(subnet string, out bool, peer netip.Addr, port int) bool {
	side := resource.PropertyKey("ingress")
	if out {
		side = "egress"
	}
	for _, entry := range l.acl[subnet].Inputs[side].ArrayValue() {
		e := entry.ObjectValue()
		if e["protocol"].StringValue() == "tcp" && e["action"].StringValue() == "allow" &&
			netip.MustParsePrefix(e["cidrBlock"].StringValue()).Contains(peer) &&
			int(e["fromPort"].NumberValue()) <= port && port <= int(e["toPort"].NumberValue()) {
			return true
		}
	}
	return false
}

// host is one of a subnet, or somewhere where the subnet is "".
func (l lists) host(subnet string) netip.Addr {
	if subnet == "" {
		return somewhere
	}
	return l.cidr[subnet].Addr().Next().Next().Next().Next()
}

// way are the subnets that a packet leaves and enters: through a NAT gateway it enters and leaves another one between.
type way struct{ from, nat, to string }

// goes reports whether a packet gets there. Lists are asked at the borders of subnets, and never within one.
func (l lists) goes(w way, port int) bool {
	ok := true
	if w.from != "" && w.from != w.to {
		ok = ok && l.passes(w.from, true, l.host(w.to), port)
	}
	if w.nat != "" {
		ok = ok && l.passes(w.nat, false, l.host(w.from), port) && l.passes(w.nat, true, l.host(w.to), port)
	}
	if w.to != "" && w.from != w.to {
		ok = ok && l.passes(w.to, false, l.host(w.from), port)
	}
	return ok
}

// ways are all of a security rule's, from each subnet of the one group to each of the other.
func (l lists) ways(n review.Registration, out bool) (all []way) {
	peers := []string{""}
	if group := n.Text("referencedSecurityGroupId"); group != "" {
		peers = l.members[group]
	}
	for _, mine := range l.members[n.Text("securityGroupId")] {
		for _, peer := range peers {
			switch {
			case !out:
				all = append(all, way{from: peer, to: mine})
			case peer == "" && n.Text("cidrIpv4") != "" && strings.Contains(mine, "private"):
				all = append(all, way{from: mine, nat: "ec2.Subnet-public-a", to: peer})
			default:
				all = append(all, way{from: mine, to: peer})
			}
		}
	}
	return all
}

// networks are those of all stacks, and of two without NAT gateways.
func networks(t *testing.T) map[string]review.Graph {
	t.Helper()
	all := map[string]review.Graph{"dev with endpoints": recordedWith(t, "dev", closed),
		"prod with endpoints": recordedWith(t, "prod", closed)}
	for _, stack := range stacks {
		all[stack] = recorded(t, stack, false)
	}
	return all
}

func TestTheListsLetThroughWhatTheSecurityGroupsAllowInBothDirections(t *testing.T) {
	for stack, g := range networks(t) {
		l, flows := newLists(t, g), 0
		for short, out := range map[string]bool{"vpc.SecurityGroupEgressRule": true, "vpc.SecurityGroupIngressRule": false} {
			for _, n := range l.g.Of(short) {
				port := int(n.Number("fromPort"))
				for _, w := range l.ways(n, out) {
					flows++
					back := way{w.to, w.nat, w.from}
					if !l.goes(w, port) {
						t.Errorf("%s: %s: the lists stop %+v", stack, n, w)
					}
					for _, caller := range []int{1024, 32768, 60999, 65535} {
						if !l.goes(back, caller) {
							t.Errorf("%s: %s: the lists stop the answer to port %d, %+v", stack, n, caller, back)
						}
					}
				}
			}
		}
		if flows < 30 {
			t.Errorf("%s: only %d ways were tried", stack, flows)
		}
	}
}

// Ports from 1024 on are open for answers, as lists know no connections: the security groups close them. Below, what no
// rule allows does not pass.
func TestTheListsStopWhatNoSecurityGroupAllows(t *testing.T) {
	for stack, g := range networks(t) {
		l := newLists(t, g)
		allowed := map[string]bool{}
		side := func(subnet string) string { return strings.TrimRight(strings.TrimPrefix(subnet, "ec2.Subnet-"), "abc") }
		key := func(from, to string, port int) string { return fmt.Sprintf("%s>%s:%d", side(from), side(to), port) }
		for short, out := range map[string]bool{"vpc.SecurityGroupEgressRule": true, "vpc.SecurityGroupIngressRule": false} {
			for _, n := range l.g.Of(short) {
				for _, w := range l.ways(n, out) {
					port := int(n.Number("fromPort"))
					allowed[key(w.from, w.to, port)] = true
					if n.Text("prefixListId") != "" && !out { // CloudFront's interfaces are in the subnets of what it calls
						allowed[key(w.to, w.to, port)], allowed[key(w.to, "", port)] = true, true
					}
					if n.Text("prefixListId") != "" && out { // a list takes none: what leads to S3 leads to where all are let in
						allowed[key(w.from, "ec2.Subnet-public-a", port)] = true
					}
					if w.nat != "" { // what a NAT gateway passes on goes to it and from it
						allowed[key(w.from, w.nat, port)], allowed[key(w.nat, w.to, port)] = true, true
					}
				}
			}
		}
		for _, w := range []way{{from: "", to: "ec2.Subnet-private-a"}, {from: "", to: "ec2.Subnet-public-a"},
			{from: "ec2.Subnet-private-a", to: ""}, {from: "ec2.Subnet-public-a", to: ""},
			{from: "ec2.Subnet-private-a", to: "ec2.Subnet-private-b"},
			{from: "ec2.Subnet-private-a", to: "ec2.Subnet-public-b"},
			{from: "ec2.Subnet-public-a", to: "ec2.Subnet-private-b"}} {
			for port := 1; port < 1024; port++ {
				if l.goes(w, port) && !allowed[key(w.from, w.to, port)] {
					t.Errorf("%s: port %d passes from %q to %q, and no security group allows it", stack, port, w.from, w.to)
				}
			}
		}
	}
}

func TestAListThatForgetsTheWayBackIsFound(t *testing.T) {
	entries := aclEntries("10.10.0.0/16", []rule{{Group: "api", Peer: "kafka", Out: true, Port: kafkaPort}})
	if !slices.Contains(entries, aclEntry{privateSide, false, "10.10.0.0/17", 1024, 65535}) {
		t.Fatalf("no way back in %+v", entries)
	}
	g := recorded(t, "dev", false)
	list := find(t, g, "ec2.NetworkAcl", privateSide)
	var without []resource.PropertyValue
	for _, entry := range list.Inputs["ingress"].ArrayValue() {
		if entry.ObjectValue()["toPort"].NumberValue() != lastCallerPort {
			without = append(without, entry)
		}
	}
	list.Inputs["ingress"] = resource.NewProperty(without)
	if l := newLists(t, g); l.goes(way{from: "", to: "ec2.Subnet-private-a"}, 40000) {
		t.Error("an answer passes without an entry")
	}
}

func TestListsAreAChoice(t *testing.T) {
	if g := recordedWith(t, "prod", in("network", "acls", nil)); len(g.Of("ec2.NetworkAcl")) > 0 {
		t.Error("a list that nobody asked for")
	}
	var networks []string
	for i := range 10 {
		networks = append(networks, fmt.Sprintf("203.0.113.%d/32", i))
	}
	refused := func(change func(*review.StackConfig)) string {
		_, err := review.RecordConfig(root, "prod", changed(t, "prod", change), offlineProgram(), &review.Recorder{})
		return fmt.Sprint(err)
	}
	if err := refused(onlyFrom(networks...)); !strings.Contains(err, "network.acls: the public") {
		t.Errorf("more entries than AWS takes: %s", err)
	}
	many := both(onlyFrom(networks...), in("network", "acls", nil))
	if err := refused(many); err != "<nil>" {
		t.Errorf("without lists: %s", err)
	}
}

func TestTheHalvesOfAVPCAreItsPrivateAndItsPublicSubnets(t *testing.T) {
	for _, cidr := range []string{"10.0.0.0/16", "192.168.240.0/20", "172.16.4.0/24", "10.1.128.0/17"} {
		low, high := halves(cidr)
		public, private, err := planSubnets(cidr, []string{"a", "b", "c"})
		if err != nil {
			t.Fatal(err)
		}
		for half, subnets := range map[string][]subnet{low: private, high: public} {
			for _, s := range subnets {
				if !netip.MustParsePrefix(half).Overlaps(netip.MustParsePrefix(s.CIDR)) {
					t.Errorf("%s of %s is not in %s", s.CIDR, cidr, half)
				}
			}
		}
	}
}
