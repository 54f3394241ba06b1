package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"event-processing-service/stack/review"
)

// leftToClients are the parts of a request that the API's document lets a client fill in as it likes.
func leftToClients(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ In, Name string }
			RequestBody map[string]any `yaml:"requestBody"`
		}
	}
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	parts := map[string]bool{}
	for _, methods := range d.Paths {
		for method, operation := range methods {
			parts[looksAtMethod+" "+strings.ToUpper(method)] = true
			for _, p := range operation.Parameters {
				parts[p.In] = true
				parts[strings.ToLower(p.Name)] = parts[strings.ToLower(p.Name)] || p.In == "header"
			}
			if operation.RequestBody != nil {
				parts["body"] = true
			}
		}
	}
	return parts
}

// harmsLegal reports whether a label that is refused may be put on a request that the document allows.
func harmsLegal(b blockedLabel, left map[string]bool) bool {
	switch b.Inspects {
	case looksAtMethod:
		return left[looksAtMethod+" "+strings.ToUpper(strings.TrimSuffix(b.Label, "_Method"))]
	case looksAtAddress:
		return false
	case looksAtHost, looksAtCookie, looksAtUserAgent:
		return left[b.Inspects]
	default:
		return true // bodies, paths, queries, and whatever nobody has thought about
	}
}

func TestNoRuleRefusesARequestThatTheDocumentAllows(t *testing.T) {
	left := leftToClients(t)
	for _, part := range []string{"body", "path", "query", "header", "method POST"} {
		if !left[part] {
			t.Errorf("the document is not read: it leaves no %s to clients", part)
		}
	}
	for _, group := range (wafConfig{BotControl: true}).groups() {
		for _, blocked := range group.Blocks {
			if harmsLegal(blocked, left) {
				t.Errorf("%s%s refuses what is in a %s", group.Namespace, blocked.Label, blocked.Inspects)
			}
		}
	}
	for _, harmful := range []blockedLabel{{"SizeRestrictions_Body", "body"}, {"GenericLFI_QueryArguments", "query"},
		{"GenericRFI_URIPath", "path"}, {"Log4JRCE_Header", "header"}, {"Post_Method", looksAtMethod}} {
		if !harmsLegal(harmful, left) {
			t.Errorf("%s would pass as harmless", harmful.Label)
		}
	}
}

// The web ACL that is registered refuses by exactly these labels and rates; AWS's groups only count.
func TestTheWebACLRefusesWhatIsListedAndCountsTheRest(t *testing.T) {
	for stack, scope := range map[string]string{"staging": "CLOUDFRONT", "prod": "REGIONAL"} {
		g := recorded(t, stack, false)
		acl := find(t, g, "wafv2.WebAcl", "edge")
		if acl.Text("scope") != scope {
			t.Errorf("%s: it is %s", stack, acl.Text("scope"))
		}
		var order []string
		for _, rule := range acl.Plain()["rules"].([]any) {
			order = append(order, rule.(map[string]any)["name"].(string))
		}
		if want := []string{"rate", "reputation", "bad-inputs", "core", "labelled"}; !slices.Equal(order, want) {
			t.Errorf("%s: the rules are %q", stack, order)
		}
		text, err := json.Marshal(acl.Plain()["rules"])
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), `"count":{}`); n != 3 {
			t.Errorf("%s: %d groups count", stack, n)
		}
		if n := strings.Count(string(text), "awswaf:managed"); n != 8 {
			t.Errorf("%s: %d labels are refused", stack, n)
		}
	}
	if dev := recorded(t, "dev", false); len(dev.Of("wafv2.WebAcl")) > 0 {
		t.Error("dev pays for a web ACL")
	}
}

// A client may use its limit up at each task, and no firewall is in its way.
func TestTheFirewallsRateIsBeyondWhatTheAPITakesOfOneClient(t *testing.T) {
	for _, c := range []struct {
		limit string
		tasks int
		want  int
	}{{"500/1s", 12, 1_800_000}, {"100/1m", 1, 500}, {"", 12, 0}} {
		if got := (apiConfig{RateLimit: c.limit, MaxTasks: c.tasks}).requestsOfOneClient(5 * time.Minute); got != c.want {
			t.Errorf("%s at %d tasks are %d, want %d", c.limit, c.tasks, got, c.want)
		}
	}
}

// documentedProblems are the examples of problems in the API's document, by the names of their pages.
func documentedProblems(t *testing.T) map[string]firewallAnswer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var d any
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	found := map[string]firewallAnswer{}
	var walk func(any)
	walk = func(node any) {
		switch at := node.(type) {
		case map[string]any:
			kind, _ := at["type"].(string)
			if _, name, isProblem := strings.Cut(kind, "/docs/problems/"); isProblem && at["title"] != nil {
				status, _ := at["status"].(int)
				retryable, _ := at["retryable"].(bool)
				title, _ := at["title"].(string)
				found[name] = firewallAnswer{Title: title, Status: status, Retryable: retryable}
			}
			for _, inner := range at {
				walk(inner)
			}
		case []any:
			for _, inner := range at {
				walk(inner)
			}
		}
	}
	walk(d)
	return found
}

func TestWhatTheFirewallAnswersIsAProblemOfTheAPIsCatalogue(t *testing.T) {
	documented := documentedProblems(t)
	for key, answer := range firewallAnswers("events.example.com") {
		page, known := documented[key]
		if !known || page.Status != answer.Status || page.Title != answer.Title || page.Retryable != answer.Retryable {
			t.Errorf("%s is answered with %+v, and its page says %+v", key, answer, page)
		}
		if answer.Type != "https://events.example.com/docs/problems/"+key {
			t.Errorf("%s is explained at %s", key, answer.Type)
		}
	}
	bodies := find(t, recorded(t, "prod", false), "wafv2.WebAcl", "edge").Plain()["customResponseBodies"].([]any)
	for _, body := range bodies {
		var sent firewallAnswer
		if err := json.Unmarshal([]byte(body.(map[string]any)["content"].(string)), &sent); err != nil {
			t.Error(err)
		}
		if sent != firewallAnswers("events.example.com")[body.(map[string]any)["key"].(string)] {
			t.Errorf("sent is %+v", sent)
		}
	}
}

func TestEachChoiceOfTheFirewallIsARuleInItsPlace(t *testing.T) {
	g := recordedWith(t, "dev", in("edge", "waf", map[string]any{"trust": []string{"203.0.113.7/32"},
		"deny": []string{"198.51.100.0/24"}, "onlyCountries": []string{"DE", "FR"}, "requestsByAddress": 100_000,
		"requestsByForwardedAddress": 50_000, "botControl": true}))
	var order []string
	for _, rule := range find(t, g, "wafv2.WebAcl", "edge").Plain()["rules"].([]any) {
		order = append(order, rule.(map[string]any)["name"].(string))
	}
	want := []string{"trusted", "denied", "other-countries", "rate", "forwarded-rate", "reputation", "bad-inputs", "core",
		"bots", "labelled"}
	if !slices.Equal(order, want) {
		t.Errorf("the rules are %q", order)
	}
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("%q", found)
	}
	var out bytes.Buffer
	if err := review.WritePlan(&out, g); err != nil {
		t.Fatal(err)
	}
	if want := "The firewall costs 25 USD a month for 10 rules, and of a million events 1.60 USD where each is posted " +
		"by itself, 0.016 in batches of 100."; !strings.Contains(out.String(), want) {
		t.Errorf("the plan does not say %q", want)
	}
}

func TestBehindCloudFrontTheFirewallLetsInTheAllowedNetworksAlone(t *testing.T) {
	g := recordedWith(t, "dev", both(in("edge", "allowedNetworks", []string{"203.0.113.0/24"}),
		in("edge", "waf", map[string]any{"requestsByAddress": 100_000})))
	if found := g.Findings(); len(found) > 0 || g.Has("secretsmanager.Secret", "api-keys") {
		t.Errorf("%q", found)
	}
	if find(t, g, "cloudfront.Distribution", "api").Is("isIpv6Enabled") {
		t.Error("clients of an allowed network come by IPv6, of which no network is named")
	}
	acl := find(t, g, "wafv2.WebAcl", "edge")
	set(acl, "rules", acl.Plain()["rules"].([]any)[1:])
	if found := strings.Join(g.Findings(), "\n"); !strings.Contains(found, "lets everybody in, and no key is asked for") {
		t.Errorf("without the rule everybody comes, and nothing is said: %s", found)
	}
}

func TestShieldAdvancedProtectsWhatClientsMeetAndIsAcceptedByItsPrice(t *testing.T) {
	for _, c := range []struct{ stack, resource string }{
		{"dev", "arn:aws:cloudfront::"}, {"prod", "arn:aws:elasticloadbalancing:"}} {
		g := recordedWith(t, c.stack, in("edge", "shieldAdvanced", shieldAccepted))
		if got := find(t, g, "shield.Protection", "edge").Text("resourceArn"); !strings.HasPrefix(got, c.resource) {
			t.Errorf("%s: protected is %s", c.stack, got)
		}
		var out bytes.Buffer
		if err := review.WritePlan(&out, g); err != nil || !strings.Contains(out.String(), "3000 USD a month") {
			t.Errorf("the plan does not say what it costs: %v", err)
		}
	}
}

func TestARuleFindsAFirewallThatRefusesTooMuchOrTellsKeys(t *testing.T) {
	rule := func(name string, to func(map[string]any)) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) {
			acl := find(t, g, "wafv2.WebAcl", "edge")
			rules := acl.Plain()["rules"].([]any)
			for _, r := range rules {
				if r.(map[string]any)["name"] == name {
					to(r.(map[string]any))
				}
			}
			set(acl, "rules", rules)
		}
	}
	for found, put := range map[string]func(*testing.T, review.Graph){
		"protects nothing": func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "wafv2.WebAclAssociation", "edge"), "webAcl")
		},
		"refuses whatever AWS adds to core": rule("core", func(r map[string]any) {
			r["overrideAction"] = map[string]any{"none": map[string]any{}}
		}),
		"refuses by rate without a problem document": rule("rate", func(r map[string]any) {
			r["action"] = map[string]any{"block": map[string]any{}}
		}),
		"keeps samples": rule("labelled", func(r map[string]any) {
			r["visibilityConfig"] = map[string]any{"sampledRequestsEnabled": true}
		}),
		"logs nothing, or all": func(t *testing.T, g review.Graph) {
			unset(find(t, g, "wafv2.WebAclLoggingConfiguration", "edge"), "redactedFields")
		},
	} {
		g := recorded(t, "prod", false)
		put(t, g)
		if findings := strings.Join(g.Findings(), "\n"); !strings.Contains(findings, found) {
			t.Errorf("no finding says %q; there are %q", found, findings)
		}
	}
}
