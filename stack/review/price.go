package review

import (
	"fmt"
	"io"
)

// Prices are AWS's list prices in us-east-1, in USD: of a web ACL a month, of each of its rules a month, and of a
// million requests that it looks at; of Bot Control a month, and beside that a million; of Shield Advanced a month.
const (
	aclPrice, rulePrice, lookPrice = 5.0, 1.0, 0.60
	botPrice, botLookPrice         = 10.0, 1.0
	shieldPrice                    = 3000.0
)

// writePrices says what the firewall costs: it is the one part of a stack that costs more the smaller the requests are.
func writePrices(w io.Writer, g Graph) {
	for _, acl := range g.Of("wafv2.WebAcl") {
		rules := acl.objects("rules")
		month, million := aclPrice+rulePrice*float64(len(rules)), lookPrice
		for _, rule := range rules {
			if rule.Text("statement", "managedRuleGroupStatement", "name") == "AWSManagedRulesBotControlRuleSet" {
				month, million = month+botPrice, million+botLookPrice
			}
		}
		fmt.Fprintf(w, "\nThe firewall costs %.0f USD a month for %d rules, and of a million events %.2f USD where each is "+
			"posted by itself, %.3f in batches of 100.\n", month, len(rules), million, million/100)
	}
	if len(g.Of("shield.Protection")) > 0 {
		fmt.Fprintf(w, "\nShield Advanced costs %.0f USD a month, for a year, for all accounts of an organization.\n",
			shieldPrice)
	}
}
