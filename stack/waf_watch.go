package main

import "fmt"

// A surge is this share of the requests, in per cent, and this many in five minutes. Scanners of the whole internet ask
// for a few in a minute, which is a large share of little.
const (
	surgeShare    = 10
	surgeRequests = 1000
)

// allRules is AWS's word for what the whole web ACL did.
const allRules = "ALL"

// firewallMetric is of what the web ACL, or one of its rules, did with requests. That of CloudFront has no region.
func (c config) firewallMetric(name, rule string) metric {
	dimensions := map[string]string{"WebACL": c.Name, "Rule": rule}
	if !c.Edge.CDN {
		dimensions["Region"] = c.Region
	}
	return metric{"AWS/WAFV2", name, "Sum", dimensions}
}

// refusing are the names of the rules that refuse, as firewallRules makes them.
func (c edgeConfig) refusing() (rules []string) {
	for _, rule := range []struct {
		name string
		is   bool
	}{
		{"others-than-allowed", c.CDN && c.Restricted()}, {"denied", len(c.WAF.Deny) > 0},
		{"other-countries", len(c.WAF.OnlyCountries) > 0}, {"countries", len(c.WAF.DenyCountries) > 0}, {"rate", true},
		{"forwarded-rate", c.WAF.RequestsByForwardedAddress > 0}, {"labelled", true},
	} {
		if rule.is {
			rules = append(rules, rule.name)
		}
	}
	return rules
}

func firewallAlarms(c config) []alarm {
	if c.Edge.WAF == nil {
		return nil
	}
	return []alarm{{Kind: "firewall-surge", What: fmt.Sprintf("The firewall refuses over %d %% of the requests, and over "+
		"%d in five minutes.", surgeShare, surgeRequests),
		Math: fmt.Sprintf("IF(FILL(m0,0)>%d,100*m0/(m0+FILL(m1,1)),0)", surgeRequests),
		Inputs: []metric{c.firewallMetric("BlockedRequests", allRules),
			c.firewallMetric("AllowedRequests", allRules)},
		Threshold: surgeShare, Of: 2, In: 3, Period: 5 * 60, MissingMeans: quietIsGood}}
}

// firewallRow is the dashboard's.
func (p *page) firewallRow(c config) {
	var refused, counted []metric
	for _, rule := range c.Edge.refusing() {
		refused = append(refused, c.firewallMetric("BlockedRequests", rule))
	}
	for _, group := range c.Edge.WAF.groups() {
		counted = append(counted, c.firewallMetric("CountedRequests", group.Rule))
	}
	p.row("Whom does the firewall keep out?",
		p.chart("Requests allowed and refused, a minute", c.firewallMetric("AllowedRequests", allRules),
			c.firewallMetric("BlockedRequests", allRules)),
		p.chart("Refused, by rule", refused...),
		p.chart("Matched by AWS's rules, of which few are refused", counted...))
}
