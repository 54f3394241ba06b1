package main

// managedGroup is a group of AWS's own rules. The whole of it only counts: each of its rules puts a label on what it
// matches, and of these the labels in Blocks are refused by the last rule of the web ACL. So a rule that AWS adds one
// day can't refuse a legal request, and what is refused gets our answer.
type managedGroup struct {
	Rule, Name string // of the web ACL's rule, and of AWS's group
	Namespace  string // of its labels
	Blocks     []blockedLabel
}

// blockedLabel is a label, and the part of a request that its rule looks at. No part is one that the API's document
// leaves to its clients: an event may be about anything. So no rule refuses what is in a body, a path, a query or a
// header of ours: those count, as does SizeRestrictions_BODY, which matches from 8 kB on.
type blockedLabel struct{ Label, Inspects string }

// What a rule may look at.
const (
	looksAtAddress   = "address"
	looksAtMethod    = "method"
	looksAtHost      = "host"
	looksAtCookie    = "cookie"
	looksAtUserAgent = "user-agent"
)

// The names of the labels are AWS's, from its list of managed rule groups.
var (
	ipReputation = managedGroup{"reputation", "AWSManagedRulesAmazonIpReputationList",
		"awswaf:managed:aws:amazon-ip-list:",
		[]blockedLabel{{"AWSManagedIPReputationList", looksAtAddress}, {"AWSManagedReconnaissanceList", looksAtAddress}}}
	knownBadInputs = managedGroup{"bad-inputs", "AWSManagedRulesKnownBadInputsRuleSet",
		"awswaf:managed:aws:known-bad-inputs:",
		[]blockedLabel{{"Host_Localhost_Header", looksAtHost}, {"Propfind_Method", looksAtMethod}}}
	coreRules = managedGroup{"core", "AWSManagedRulesCommonRuleSet", "awswaf:managed:aws:core-rule-set:",
		[]blockedLabel{{"BadBots_Header", looksAtUserAgent}, {"SizeRestrictions_Cookie_Header", looksAtCookie},
			{"EC2MetaDataSSRF_Cookie", looksAtCookie}, {"CrossSiteScripting_Cookie", looksAtCookie}}}
	// Not http_library, non_browser_user_agent or known_bot_data_center, which is what clients of an API are. Nor the
	// targeted level: it challenges whoever has no browser.
	botControl = managedGroup{"bots", "AWSManagedRulesBotControlRuleSet", "awswaf:managed:aws:bot-control:",
		[]blockedLabel{{"bot:category:scraping_framework", looksAtUserAgent}, {"bot:category:ai", looksAtUserAgent},
			{"bot:category:seo", looksAtUserAgent}, {"signal:automated_browser", looksAtUserAgent}}}
)

func (c wafConfig) groups() []managedGroup {
	groups := []managedGroup{ipReputation, knownBadInputs, coreRules}
	if c.BotControl {
		groups = append(groups, botControl)
	}
	return groups
}
