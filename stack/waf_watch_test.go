package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// A metric that is asked for by other dimensions than AWS's is one that never comes.
func TestTheFirewallIsWatchedWhereItStands(t *testing.T) {
	for stack, region := range map[string]string{"staging": "", "prod": "us-east-1"} {
		g := recorded(t, stack, false)
		acl := find(t, g, "wafv2.WebAcl", "edge")
		n := find(t, g, "cloudwatch.MetricAlarm", "firewall-surge")
		asked := map[string]bool{}
		for _, query := range n.Plain()["metricQueries"].([]any) {
			m, is := query.(map[string]any)["metric"].(map[string]any)
			if !is {
				continue
			}
			dimensions := m["dimensions"].(map[string]any)
			in, _ := dimensions["Region"].(string)
			if dimensions["WebACL"] != acl.Text("visibilityConfig", "metricName") || dimensions["Rule"] != "ALL" ||
				in != region {
				t.Errorf("%s: the alarm asks for %v", stack, dimensions)
			}
			asked[m["metricName"].(string)] = true
		}
		if !asked["BlockedRequests"] || !asked["AllowedRequests"] {
			t.Errorf("%s: the alarm asks for %v", stack, asked)
		}
		if !strings.Contains(find(t, g, "cloudwatch.Dashboard", "events").Text("dashboardBody"), "BlockedRequests") {
			t.Errorf("%s: the dashboard does not show what is refused", stack)
		}
	}
	dev := recorded(t, "dev", false)
	if dev.Has("cloudwatch.MetricAlarm", "firewall-surge") ||
		strings.Contains(find(t, dev, "cloudwatch.Dashboard", "events").Text("dashboardBody"), "AWS/WAFV2") {
		t.Error("dev has no firewall, and watches one")
	}
}

func TestTheDashboardShowsEachRuleOfTheFirewall(t *testing.T) {
	all := map[string]any{"trust": []string{"203.0.113.7/32"}, "deny": []string{"198.51.100.0/24"},
		"denyCountries": []string{"FR"}, "requestsByAddress": 100_000, "requestsByForwardedAddress": 50_000,
		"botControl": true}
	only := map[string]any{"requestsByAddress": 100_000, "onlyCountries": []string{"DE"}}
	for name, waf := range map[string]map[string]any{"most": all, "some countries": only} {
		g := recordedWith(t, "dev", both(in("edge", "allowedNetworks", []string{"203.0.113.0/24"}), in("edge", "waf", waf)))
		var body struct {
			Widgets []struct{ Properties struct{ Metrics [][]any } }
		}
		if err := json.Unmarshal([]byte(find(t, g, "cloudwatch.Dashboard", "events").Text("dashboardBody")),
			&body); err != nil {
			t.Fatal(err)
		}
		var shown []string
		for _, w := range body.Widgets {
			for _, line := range w.Properties.Metrics {
				if line[0] == "AWS/WAFV2" {
					shown = append(shown, line[slices.Index(line, any("Rule"))+1].(string))
				}
			}
		}
		for _, rule := range find(t, g, "wafv2.WebAcl", "edge").Plain()["rules"].([]any) {
			metric := rule.(map[string]any)["visibilityConfig"].(map[string]any)["metricName"].(string)
			if i := slices.Index(shown, metric); i >= 0 {
				shown = slices.Delete(shown, i, i+1)
			} else if metric != "trusted" { // which neither refuses nor counts
				t.Errorf("%s: the dashboard does not show %s", name, metric)
			}
		}
		if !slices.Equal(shown, []string{allRules, allRules}) {
			t.Errorf("%s: the dashboard shows %q beside the rules", name, shown)
		}
	}
}
