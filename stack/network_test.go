package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubnetsAreSixteenthsInTheOrderOfZones(t *testing.T) {
	public, private, err := planSubnets("10.20.0.0/16", []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]subnet{{"a", "10.20.0.0/20"}, {"b", "10.20.16.0/20"}, {"c", "10.20.32.0/20"}}, private); diff != "" {
		t.Errorf("private: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]subnet{{"a", "10.20.128.0/20"}, {"b", "10.20.144.0/20"}, {"c", "10.20.160.0/20"}}, public); diff != "" {
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
		rules := securityRules(https, true)
		for _, r := range rules {
			if _, group := groupPurpose[r.Peer]; !group {
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

func TestOnlyWhatIsNeededReachesTheInternet(t *testing.T) {
	outside := func(https, mapping bool) (list []string) {
		for _, r := range securityRules(https, mapping) {
			if r.Peer == anywhere {
				list = append(list, fmt.Sprintf("%s %v %d", r.Group, r.Out, r.Port))
			}
		}
		return list
	}
	if diff := cmp.Diff([]string{"edge false 80", "api true 443"}, outside(false, false)); diff != "" {
		t.Errorf("least: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"edge false 80", "api true 443", "edge false 443", "kafka true 443"}, outside(true, true)); diff != "" {
		t.Errorf("most: -want +got\n%s", diff)
	}
}
