package main

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/wafv2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Keys of the answers of the web ACL: problem documents of the API's, which has a page for each.
const (
	blockedAnswer = "blocked"
	limitedAnswer = "rate-limited"
)

// firewallAnswer is a problem document of what never reached the API. WAF serves it as application/json: it lets nobody
// choose application/problem+json.
type firewallAnswer struct {
	Type      string `json:"type"` // a path where the stack has no domain: the distribution's name comes after the web ACL
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Retryable bool   `json:"retryable"`
}

func firewallAnswers(domain string) map[string]firewallAnswer {
	page := "/docs/problems/"
	if domain != "" {
		page = "https://" + domain + page
	}
	return map[string]firewallAnswer{
		blockedAnswer: {page + blockedAnswer, "The request was blocked", 403,
			"the firewall before the service refused the request", false},
		limitedAnswer: {page + limitedAnswer, "The rate limit is exceeded", 429,
			"too many requests came from this address within five minutes", true},
	}
}

// firewall makes the web ACL, and returns its ARN: for CloudFront, or else for the balancer.
func (e *Edge) firewall(ctx *pulumi.Context, args edgeArgs) (pulumi.StringOutput, error) {
	child := pulumi.Parent(e)
	scope := "REGIONAL"
	if args.CDN {
		scope = "CLOUDFRONT"
	}
	rules, err := e.firewallRules(ctx, args, scope)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	var bodies wafv2.WebAclCustomResponseBodyArray
	for _, key := range []string{blockedAnswer, limitedAnswer} {
		text, err := json.Marshal(firewallAnswers(args.Domain)[key])
		if err != nil {
			return pulumi.StringOutput{}, fmt.Errorf("marshal answer %s: %w", key, err)
		}
		bodies = append(bodies, &wafv2.WebAclCustomResponseBodyArgs{Key: pulumi.String(key),
			Content: pulumi.String(string(text)), ContentType: pulumi.String("APPLICATION_JSON")})
	}
	acl, err := wafv2.NewWebAcl(ctx, "edge", &wafv2.WebAclArgs{
		Name: pulumi.String(args.Name), Scope: pulumi.String(scope), CustomResponseBodies: bodies, Rules: rules,
		DefaultAction: &wafv2.WebAclDefaultActionArgs{Allow: &wafv2.WebAclDefaultActionAllowArgs{}},
		VisibilityConfig: &wafv2.WebAclVisibilityConfigArgs{CloudwatchMetricsEnabled: pulumi.Bool(true),
			MetricName: pulumi.String(args.Name), SampledRequestsEnabled: pulumi.Bool(false)},
	}, child)
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("create web ACL: %w", err)
	}
	return acl.Arn, e.firewallLogs(ctx, args, acl)
}

// firewallLogs keeps what was refused, without the clients' keys. What is allowed is in the access logs.
func (e *Edge) firewallLogs(ctx *pulumi.Context, args edgeArgs, acl *wafv2.WebAcl) error {
	child := pulumi.Parent(e)
	logs, err := cloudwatch.NewLogGroup(ctx, "firewall", &cloudwatch.LogGroupArgs{
		Name:            pulumi.String("aws-waf-logs-" + args.Name), // WAF writes to no group of another name
		RetentionInDays: pulumi.Int(args.Retention.LogDays), KmsKeyId: args.Key.ID(),
	}, child)
	if err != nil {
		return fmt.Errorf("create log group of web ACL: %w", err)
	}
	var redacted wafv2.WebAclLoggingConfigurationRedactedFieldArray
	for _, header := range []string{"authorization", "x-api-key"} {
		redacted = append(redacted, &wafv2.WebAclLoggingConfigurationRedactedFieldArgs{
			SingleHeader: &wafv2.WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs{Name: pulumi.String(header)}})
	}
	refused := &wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionArgs{
		ActionCondition: &with{Action: pulumi.String("BLOCK")}}
	if _, err := wafv2.NewWebAclLoggingConfiguration(ctx, "edge", &wafv2.WebAclLoggingConfigurationArgs{
		ResourceArn: acl.Arn, LogDestinationConfigs: pulumi.StringArray{logs.Arn}, RedactedFields: redacted,
		LoggingFilter: &wafv2.WebAclLoggingConfigurationLoggingFilterArgs{DefaultBehavior: pulumi.String("DROP"),
			Filters: wafv2.WebAclLoggingConfigurationLoggingFilterFilterArray{
				&wafv2.WebAclLoggingConfigurationLoggingFilterFilterArgs{
					Behavior: pulumi.String("KEEP"), Requirement: pulumi.String("MEETS_ANY"),
					Conditions: wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionArray{refused},
				}}},
	}, child); err != nil {
		return fmt.Errorf("log what the web ACL refuses: %w", err)
	}
	return nil
}

// firewallRules are in the order in which WAF asks them; the first that allows or refuses decides.
func (e *Edge) firewallRules(ctx *pulumi.Context, args edgeArgs, scope string) (wafv2.WebAclRuleArray, error) {
	var rules wafv2.WebAclRuleArray
	add := func(name string, action *wafv2.WebAclRuleActionArgs, statement *wafv2.WebAclRuleStatementArgs) {
		rule := &wafv2.WebAclRuleArgs{Name: pulumi.String(name), Priority: pulumi.Int(len(rules)), Statement: statement,
			// No samples: the console would show them with the clients' keys.
			VisibilityConfig: &wafv2.WebAclRuleVisibilityConfigArgs{CloudwatchMetricsEnabled: pulumi.Bool(true),
				MetricName: pulumi.String(name), SampledRequestsEnabled: pulumi.Bool(false)}}
		if action != nil {
			rule.Action = action
		} else {
			rule.OverrideAction = &wafv2.WebAclRuleOverrideActionArgs{Count: &wafv2.WebAclRuleOverrideActionCountArgs{}}
		}
		rules = append(rules, rule)
	}
	// others is whoever a statement does not match.
	others := func(statement *wafv2.WebAclRuleStatementArgs) *wafv2.WebAclRuleStatementArgs {
		return &wafv2.WebAclRuleStatementArgs{NotStatement: &wafv2.WebAclRuleStatementNotStatementArgs{
			Statements: wafv2.WebAclRuleStatementArray{statement}}}
	}
	c := args.WAF
	sets := []struct {
		name     string
		networks []string
	}{{"allowed", nil}, {"trusted", c.Trust}, {"denied", c.Deny}}
	if args.CDN && args.Restricted() {
		sets[0].networks = args.AllowedNetworks // which the balancer can't tell apart
	}
	for _, s := range sets {
		if len(s.networks) == 0 {
			continue
		}
		set, err := e.addresses(ctx, args.Name, s.name, scope, s.networks)
		if err != nil {
			return nil, err
		}
		switch s.name {
		case "allowed":
			add("others-than-allowed", refuse(blockedAnswer), others(set))
		case "trusted":
			add(s.name, &wafv2.WebAclRuleActionArgs{Allow: &wafv2.WebAclRuleActionAllowArgs{}}, set)
		default:
			add(s.name, refuse(blockedAnswer), set)
		}
	}
	if len(c.OnlyCountries) > 0 {
		add("other-countries", refuse(blockedAnswer), others(from(c.OnlyCountries)))
	}
	if len(c.DenyCountries) > 0 {
		add("countries", refuse(blockedAnswer), from(c.DenyCountries))
	}
	add("rate", refuse(limitedAnswer), rate(c.RequestsByAddress, false))
	if c.RequestsByForwardedAddress > 0 {
		add("forwarded-rate", refuse(limitedAnswer), rate(c.RequestsByForwardedAddress, true))
	}
	for _, group := range c.groups() {
		add(group.Rule, nil, group.statement())
	}
	add("labelled", refuse(blockedAnswer), labelled(c.groups()))
	return rules, nil
}
