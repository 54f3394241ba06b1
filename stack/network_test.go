package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/stack/review"
)

func TestSubnetsAreSixteenthsInTheOrderOfZones(t *testing.T) {
	public, private, err := planSubnets("10.20.0.0/16", []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]subnet{{"a", "10.20.0.0/20"}, {"b", "10.20.16.0/20"}, {"c", "10.20.32.0/20"}},
		private); diff != "" {
		t.Errorf("private: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]subnet{{"a", "10.20.128.0/20"}, {"b", "10.20.144.0/20"}, {"c", "10.20.160.0/20"}},
		public); diff != "" {
		t.Errorf("public: -want +got\n%s", diff)
	}
}

func TestSubnetsLieInTheirNetworkAndNeverOverlap(t *testing.T) {
	for _, cidr := range []string{"10.0.0.0/16", "192.168.240.0/20", "172.16.4.0/24"} {
		public, private, err := planSubnets(cidr, strings.Split("abcdefgh", ""))
		if err != nil {
			t.Fatal(err)
		}
		network := netip.MustParsePrefix(cidr)
		var all []netip.Prefix
		for _, s := range append(public, private...) {
			prefix := netip.MustParsePrefix(s.CIDR)
			if !network.Contains(prefix.Addr()) {
				t.Errorf("%s is outside %s", prefix, network)
			}
			for _, other := range all {
				if prefix.Overlaps(other) {
					t.Errorf("%s and %s overlap", prefix, other)
				}
			}
			all = append(all, prefix)
		}
	}
}

func TestAZoneAtTheEndMovesNoSubnet(t *testing.T) {
	_, two, _ := planSubnets("10.0.0.0/20", []string{"a", "b"})
	_, three, _ := planSubnets("10.0.0.0/20", []string{"a", "b", "c"})
	if !slices.Equal(two, three[:2]) {
		t.Errorf("%v became %v", two, three)
	}
}

func TestANetworkThatCannotBeCutIsRefused(t *testing.T) {
	for _, cidr := range []string{"", "10.0.0.0/25", "fd00::/16", "ten"} {
		if _, _, err := planSubnets(cidr, []string{"a"}); err == nil {
			t.Errorf("%q was cut", cidr)
		}
	}
}

func TestEachConnectionIsAllowedAtBothOfItsEnds(t *testing.T) {
	for _, https := range []bool{false, true} {
		var endpoints []string
		if https {
			endpoints = []string{"logs"}
		}
		rules := securityRules(networkParts{Clients: []string{internet}, HTTPS: https, Cache: true, Archive: true,
			Endpoints:  endpoints,
			Processors: []namedProcessor{{processorConfig: processorConfig{Uses: everyUse()}}, {ID: "audit"}}})
		for _, r := range rules {
			if slices.Contains([]string{anywhere, dynamoDB, s3List}, r.Peer) {
				continue
			}
			other := func(o rule) bool {
				return o.Group == r.Peer && o.Peer == r.Group && o.Port == r.Port && o.Out != r.Out
			}
			if !slices.ContainsFunc(rules, other) {
				t.Errorf("%s and %s on %d: one end only", r.Group, r.Peer, r.Port)
			}
		}
	}
}

// Source: EC2's CreateSecurityGroup, GroupDescription, and IpRange, Description. The judges know the first alone, and
// of the committed stacks.
func TestTheDescriptionOfEachSecurityGroupAndRuleIsOneThatAWSTakes(t *testing.T) {
	taken := regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)
	for name, purpose := range groupPurpose {
		if !taken.MatchString(purpose) {
			t.Errorf("%s: %q", name, purpose)
		}
	}
	for _, r := range securityRules(networkParts{Clients: []string{internet}, HTTPS: true, Cache: true, Archive: true,
		Endpoints: []string{"logs"}, Outside: []string{"privacy"},
		Processors: []namedProcessor{{processorConfig: processorConfig{Uses: everyUse()}}}}) {
		if !taken.MatchString(r.Why) {
			t.Errorf("%s and %s: %q", r.Group, r.Peer, r.Why)
		}
	}
}

func TestOnlyWhatIsNeededReachesTheInternet(t *testing.T) {
	outside := func(https, mapping bool) (list []string) {
		processors := []namedProcessor{{processorConfig: processorConfig{Provisioned: &provisionedConfig{}}}}
		if mapping {
			processors[0].Provisioned = nil
		}
		for _, r := range securityRules(networkParts{Clients: []string{internet}, HTTPS: https, Cache: true,
			Archive: true, Processors: processors}) {
			if r.Peer == anywhere {
				list = append(list, fmt.Sprintf("%s %v %d", r.Group, r.Out, r.Port))
			}
		}
		return list
	}
	if diff := cmp.Diff([]string{"api true 443", "archive true 443", "edge false 80"}, outside(false, false)); diff != "" {
		t.Errorf("least: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"api true 443", "archive true 443", "edge false 80", "edge false 443", "kafka true 443"},
		outside(true, true)); diff != "" {
		t.Errorf("most: -want +got\n%s", diff)
	}
}

// Where pollers are provisioned they put batches into the undelivered bucket, from the cluster's subnets and group.
func TestProvisionedPollersReachTheBucketForWhatTheyGiveUpOn(t *testing.T) {
	rule := find(t, recorded(t, "prod", false), "vpc.SecurityGroupEgressRule", "kafka-to-s3-443")
	if list := rule.Text("prefixListId"); list != "pl-s3" || rule.Number("fromPort") != 443 ||
		rule.Text("cidrIpv4") != "" {
		t.Errorf("the way out leads to %q", list)
	}
	for _, n := range recorded(t, "dev", false).Of("vpc.SecurityGroupEgressRule") {
		if n.Text("prefixListId") == "pl-s3" {
			t.Errorf("dev has no such bucket, and %s", n)
		}
	}
}

func TestWhatWaitsForNetworkInterfacesIsGivenTheTime(t *testing.T) {
	g := recorded(t, "dev", false)
	for _, n := range append(g.Of("ec2.SecurityGroup"), g.Of("ec2.Subnet")...) {
		if n.DeleteTimeout != "60m" {
			t.Errorf("%s is to be deleted within %q", n, n.DeleteTimeout)
		}
	}
}

func TestWhoTalkedToWhomIsKeptWhole(t *testing.T) {
	for stack, traffic := range map[string]string{"dev": "REJECT", "prod": "ALL"} {
		g := recorded(t, stack, false)
		log := find(t, g, "ec2.FlowLog", "vpc")
		if log.Text("trafficType") != traffic || log.Text("destinationOptions", "fileFormat") != "parquet" {
			t.Errorf("%s: %v", stack, log.Plain())
		}
		if !slices.ContainsFunc(log.DependsOn, func(urn string) bool {
			return strings.Contains(urn,
				"BucketPolicy::flow-logs")
		}) {
			t.Errorf("%s: the log may begin before AWS may write it", stack)
		}
	}
	if g := recordedWith(t, "dev", in("network", "flowLogs", nil)); len(g.Of("ec2.FlowLog")) > 0 || g.Has("s3.BucketV2",
		"flow-logs") {
		t.Error("a log that nobody asked for is paid for")
	}
}

func TestTheEndpointsLeadOnlyToWhatIsTheStacksOrDeclared(t *testing.T) {
	g := recordedWith(t, "dev", using("", nil))
	account := "arn:aws:dynamodb:us-east-1:" + review.MadeUpAccount + ":table/"
	for service, want := range map[string][]string{
		"dynamodb": {account + "event-processing-service-dev-*", "arn:aws:dynamodb:us-east-1:123456789012:table/stock",
			"arn:aws:dynamodb:us-east-1:123456789012:table/stock/index/*"},
		"s3": {"arn:aws:s3:::event-processing-service-dev-*", "arn:aws:s3:::event-processing-service-dev-*/*",
			"arn:aws:s3:::invoices", "arn:aws:s3:::invoices/*"},
	} {
		var d document
		if err := json.Unmarshal([]byte(find(t, g, "ec2.VpcEndpoint", service).Text("policy")), &d); err != nil {
			t.Fatal(err)
		}
		if s := d.Statement[0]; !slices.Equal(s.Resource, want) ||
			s.Condition["StringEquals"]["aws:PrincipalAccount"] != review.MadeUpAccount {
			t.Errorf("%s: %+v", service, s)
		}
	}
	// What a role may do, the way to it lets through.
	names := find(t, g, "dynamodb.Table", "events").Text("name")
	if !strings.HasPrefix(names, "event-processing-service-dev-") {
		t.Errorf("the table %s is not in reach", names)
	}
}

func TestAnEndpointThatIsOpenIsFound(t *testing.T) {
	for text, found := range map[string]string{
		``: "has no policy",
		`{"Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::x"]}]}`: "callers of any account",
		`{"Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["*"],
			"Condition":{"StringEquals":{"aws:PrincipalAccount":"1"}}}]}`: "leads to everything",
	} {
		g := recorded(t, "dev", false)
		set(find(t, g, "ec2.VpcEndpoint", "s3"), "policy", text)
		if all := strings.Join(g.Findings(), "\n"); !strings.Contains(all, found) {
			t.Errorf("no finding says %q; there are %q", found, all)
		}
	}
}
