package main

import (
	"net/netip"
	"slices"
)

// edgeConfig is what stands between clients and the API.
type edgeConfig struct {
	AccessLogs   bool   `json:"accessLogs"`
	Domain       string `json:"domain,omitempty"`
	HostedZoneID string `json:"hostedZoneId,omitempty"`
	// Failover is primary or secondary where stacks in two regions share the domain; "" where the domain has one stack.
	Failover string `json:"failover,omitempty"`
	// AllowedNetworks are the only networks that may reach the load balancer; 0.0.0.0/0 is everybody. Where it is unset,
	// everybody may, with a key.
	AllowedNetworks []string `json:"allowedNetworks,omitempty"`
	CDN             bool     `json:"cdn,omitempty"` // CloudFront before a private load balancer
	// TLSToTasks encrypts between load balancer and tasks, too. Tasks make certificates, which the balancer does not
	// verify.
	TLSToTasks bool `json:"tlsToTasks,omitempty"`
	// WAF refuses requests before they reach the API; nil: there is no firewall.
	WAF *wafConfig `json:"waf,omitempty"`
	// ShieldAdvanced is shieldAccepted, or "" for no Shield Advanced.
	ShieldAdvanced string `json:"shieldAdvanced,omitempty"`
}

// cdnRegion is the region of everything that belongs to CloudFront: certificates, web ACLs, log deliveries and metrics.
const cdnRegion = "us-east-1"

// Clients are the networks that may reach the load balancer, or cloudFront.
func (c edgeConfig) Clients() []string {
	switch {
	case c.CDN:
		return []string{cloudFront}
	case len(c.AllowedNetworks) > 0:
		return c.AllowedNetworks
	default:
		return []string{internet}
	}
}

// HTTPS reports whether the load balancer has a certificate to serve.
func (c edgeConfig) HTTPS() bool { return c.Domain != "" }

// TargetProtocol is the protocol between load balancer and tasks.
func (c edgeConfig) TargetProtocol() string {
	if c.TLSToTasks {
		return "HTTPS"
	}
	return "HTTP"
}

// Restricted reports whether only some networks may reach the API.
func (c edgeConfig) Restricted() bool {
	return len(c.AllowedNetworks) > 0 && !slices.Contains(c.AllowedNetworks, internet)
}

func (c edgeConfig) validate(f *findings, region string, api apiConfig) {
	f.require((c.Domain == "") == (c.HostedZoneID == ""), "edge.domain",
		"and edge.hostedZoneId need each other: a DNS record proves to ACM that the domain is yours")
	f.require(slices.Contains([]string{"", "primary", "secondary"}, c.Failover), "edge.failover",
		"must be primary or secondary, or left out, is %q", c.Failover)
	f.require(c.Failover == "" || c.HTTPS(), "edge.failover", "needs edge.domain, which is what fails over")
	f.require(c.Failover == "" || !c.CDN, "edge.failover", "can't be used with edge.cdn: Route 53 can't check the health "+
		"of a distribution, and a domain may belong to one distribution only")
	requireNetworks(f, "edge.allowedNetworks", c.AllowedNetworks)
	if c.CDN {
		f.require(region == cdnRegion || region == "", "edge.cdn",
			"must be left out: CloudFront's certificate, logs and metrics are only in %s, and this stack is in %s", cdnRegion,
			region)
		f.require(!c.Restricted() || c.WAF != nil, "edge.allowedNetworks", "can't be checked by the load balancer, which "+
			"sees only CloudFront: leave edge.cdn out, or set edge.waf, which sees clients")
	}
	if c.WAF != nil {
		c.WAF.validate(f, api)
	}
	f.require(c.ShieldAdvanced == "" || c.ShieldAdvanced == shieldAccepted, "edge.shieldAdvanced",
		"costs 3,000 USD a month for at least a year, for which your account must have subscribed; to accept that, set it "+
			"to %q; is %q", shieldAccepted, c.ShieldAdvanced)
}

func requireNetworks(f *findings, key string, networks []string) {
	for i, network := range networks {
		prefix, err := netip.ParsePrefix(network)
		f.require(err == nil && prefix.Addr().Is4() && prefix == prefix.Masked(), key,
			"must be IPv4 networks like 203.0.113.0/24, is %q", network)
		f.require(!slices.Contains(networks[:i], network), key, "lists %s twice", network)
	}
}
