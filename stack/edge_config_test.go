package main

import (
	"testing"

	"event-processing-service/stack/review"
)

func TestAMistakeInTheEdgesConfigurationIsReportedByItsKey(t *testing.T) {
	for _, tc := range []struct {
		stack  string
		change func(*review.StackConfig)
		want   string
	}{
		{"prod", onlyFrom("10.0.0.1/8"),
			`edge.allowedNetworks: must be IPv4 networks like 203.0.113.0/24, is "10.0.0.1/8"`},
		{"prod", onlyFrom("10.0.0.0/8", "10.0.0.0/8"),
			"edge.allowedNetworks: lists 10.0.0.0/8 twice"},
		{"dev", in("edge", "allowedNetworks", []string{"10.0.0.0/8"}),
			"edge.allowedNetworks: can't be checked by the load balancer"},
		{"dev", at("aws:region", "eu-central-1"), "edge.cdn: must be left out: CloudFront's certificate, logs and " +
			"metrics are only in us-east-1, and this stack is in eu-central-1"},
		{"prod", in("edge", "waf.requestsByAddress", 1000), "edge.waf.requestsByAddress: must be 1800000 to 2000000000: " +
			"one client may send api.rateLimit to each of api.maxTasks, is 1000"},
		{"prod", in("edge", "waf.requestsByForwardedAddress", 1000),
			"edge.waf.requestsByForwardedAddress: must be 1800000 to 2000000000, is 1000"},
		{"prod", in("edge", "waf.deny", []string{"0.0.0.0/0"}),
			"edge.waf.deny: 0.0.0.0/0 is everybody, which AWS takes for no set of addresses"},
		{"prod", in("edge", "waf.trust", []string{"203.0.113.7"}),
			`edge.waf.trust: must be IPv4 networks like 203.0.113.0/24, is "203.0.113.7"`},
		{"prod", in("edge", "waf.onlyCountries", []string{"Germany"}),
			`edge.waf.onlyCountries: must be codes of two letters like DE, is "Germany"`},
		{"prod", both(in("edge", "waf.onlyCountries", []string{"DE"}), in("edge", "waf.denyCountries", []string{"FR"})),
			"edge.waf.denyCountries: is set beside edge.waf.onlyCountries"},
		{"prod", in("edge", "shieldAdvanced", "yes"), "edge.shieldAdvanced: costs 3,000 USD a month for at least a year"},
		{"dev", in("edge", "accessLogs", "no"), `edge.accessLogs: must be true or false, is "no"`},
		{"dev", in("edge", "domain", "events.example.com"),
			"edge.domain: and edge.hostedZoneId need each other: a DNS record proves to ACM that the domain is yours"},
	} {
		isRefused(t, tc.stack, tc.change, tc.want)
	}
}
