package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

// without is the graph without one of its resources.
func without(g review.Graph, n review.Registration) review.Graph {
	g.Nodes = slices.DeleteFunc(slices.Clone(g.Nodes), func(other review.Registration) bool { return other.URN == n.URN })
	return g
}

// mentions are the words that a finding about a missing way has to have: both of its ends and its port.
func mentions(n review.Registration) []string {
	switch review.Short(n.Type) {
	case "ec2.RouteTableAssociation":
		return []string{n.Text("subnetId")[len("ec2.Subnet-"):]}
	case "ec2.Route":
		return []string{n.Text("routeTableId")}
	}
	other := n.Text("referencedSecurityGroupId") + n.Text("prefixListId") + n.Text("cidrIpv4")
	if review.Short(n.Type) == "vpc.SecurityGroupIngressRule" && n.Text("referencedSecurityGroupId") == "" {
		other = "any network"
	}
	port, _ := json.Marshal(n.Number("fromPort"))
	return []string{n.Text("securityGroupId"), other, "on " + string(port)}
}

// Whatever is taken out of the network is found, and named, and nothing else is.
func TestARuleOrARouteThatIsMissingIsTheOneThatIsNamed(t *testing.T) {
	for _, stack := range stacks {
		g, taken := recorded(t, stack, false), 0
		for _, short := range []string{"vpc.SecurityGroupIngressRule", "vpc.SecurityGroupEgressRule", "ec2.Route",
			"ec2.RouteTableAssociation"} {
			for _, n := range g.Of(short) {
				taken++
				found := without(g, n).Findings()
				if len(found) == 0 {
					t.Errorf("%s: nobody misses %s", stack, n)
				}
				for _, finding := range found {
					for _, word := range mentions(n) {
						if !strings.Contains(finding, word) {
							t.Errorf("%s without %s: %q does not name %s", stack, n, finding, word)
						}
					}
				}
			}
		}
		if taken < 15 {
			t.Errorf("%s: only %d were taken out", stack, taken)
		}
	}
}

// ofTheirOwn are roles whose work is AWS Backup's, which tests it in the account.
var ofTheirOwn = []string{"backup", "restore"}

func TestAStatementThatIsMissingIsTheOneThatIsNamed(t *testing.T) {
	for _, stack := range stacks {
		g, taken := recorded(t, stack, false), 0
		for _, n := range g.Of("iam.RolePolicy") {
			if slices.Contains(ofTheirOwn, n.Name) {
				continue
			}
			var d document
			if err := json.Unmarshal([]byte(n.Text("policy")), &d); err != nil {
				t.Fatal(err)
			}
			for i, s := range d.Statement {
				taken++
				changed := withPolicy(g, n, policy(slices.Delete(slices.Clone(d.Statement), i, i+1)...))
				found := changed.Findings()
				if len(found) == 0 {
					t.Errorf("%s: nobody misses %s of %s", stack, s.Sid, n)
				}
				for _, finding := range found {
					named := slices.ContainsFunc(s.Action, func(a string) bool { return strings.Contains(finding, a) }) &&
						strings.Contains(finding, n.String())
					if !named && (s.Sid != "Traces" || !strings.Contains(finding, "right to send is missing")) {
						t.Errorf("%s without %s of %s: %q", stack, s.Sid, n, finding)
					}
				}
			}
		}
		if taken < 15 {
			t.Errorf("%s: only %d were taken out", stack, taken)
		}
	}
}

// withPolicy is the graph with another text of one policy.
func withPolicy(g review.Graph, n review.Registration, d document) review.Graph {
	g.Nodes = slices.Clone(g.Nodes)
	for i := range g.Nodes {
		if g.Nodes[i].URN == n.URN {
			g.Nodes[i].Inputs = n.Inputs.Copy()
			set(&g.Nodes[i], "policy", d.JSON())
		}
	}
	return g
}
