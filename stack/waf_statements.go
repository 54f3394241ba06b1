package main

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/wafv2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Two of the SDK's names, which fit into no line.
type (
	bots = wafv2.WebAclRuleStatementManagedRuleGroupStatementManagedRuleGroupConfigAwsManagedRulesBotControlRuleSetArgs
	with = wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionActionConditionArgs
)

// limitedRetrySeconds is how soon a client may come again: WAF counts again every ten seconds, over the last five
// minutes.
const limitedRetrySeconds = 60

// refuse answers with one of our problem documents.
func refuse(answer string) *wafv2.WebAclRuleActionArgs {
	response := &wafv2.WebAclRuleActionBlockCustomResponseArgs{
		ResponseCode: pulumi.Int(firewallAnswers("")[answer].Status), CustomResponseBodyKey: pulumi.String(answer)}
	if answer == limitedAnswer {
		response.ResponseHeaders = wafv2.WebAclRuleActionBlockCustomResponseResponseHeaderArray{
			&wafv2.WebAclRuleActionBlockCustomResponseResponseHeaderArgs{Name: pulumi.String("Retry-After"),
				Value: pulumi.String(strconv.Itoa(limitedRetrySeconds))}}
	}
	return &wafv2.WebAclRuleActionArgs{Block: &wafv2.WebAclRuleActionBlockArgs{CustomResponse: response}}
}

// addresses makes a set of addresses, and returns what matches it.
func (e *Edge) addresses(ctx *pulumi.Context, name, purpose, scope string, networks []string) (
	*wafv2.WebAclRuleStatementArgs, error,
) {
	set, err := wafv2.NewIpSet(ctx, purpose, &wafv2.IpSetArgs{Name: pulumi.String(name + "-" + purpose),
		Scope: pulumi.String(scope), IpAddressVersion: pulumi.String("IPV4"), Addresses: pulumi.ToStringArray(networks),
	}, pulumi.Parent(e))
	if err != nil {
		return nil, fmt.Errorf("create set of %s addresses: %w", purpose, err)
	}
	return &wafv2.WebAclRuleStatementArgs{
		IpSetReferenceStatement: &wafv2.WebAclRuleStatementIpSetReferenceStatementArgs{Arn: set.Arn}}, nil
}

func from(countries []string) *wafv2.WebAclRuleStatementArgs {
	return &wafv2.WebAclRuleStatementArgs{GeoMatchStatement: &wafv2.WebAclRuleStatementGeoMatchStatementArgs{
		CountryCodes: pulumi.ToStringArray(countries)}}
}

// rate matches who sends more than limit within wafWindow, by its address, or by the first of X-Forwarded-For: that one
// a client may invent, and then it is counted under the invented one.
func rate(limit int, forwarded bool) *wafv2.WebAclRuleStatementArgs {
	by := &wafv2.WebAclRuleStatementRateBasedStatementArgs{Limit: pulumi.Int(limit),
		AggregateKeyType: pulumi.String("IP"), EvaluationWindowSec: pulumi.Int(int(wafWindow.Seconds()))}
	if forwarded {
		by.AggregateKeyType = pulumi.String("FORWARDED_IP")
		by.ForwardedIpConfig = &wafv2.WebAclRuleStatementRateBasedStatementForwardedIpConfigArgs{
			HeaderName: pulumi.String("X-Forwarded-For"), FallbackBehavior: pulumi.String("NO_MATCH")}
	}
	return &wafv2.WebAclRuleStatementArgs{RateBasedStatement: by}
}

func (g managedGroup) statement() *wafv2.WebAclRuleStatementArgs {
	group := &wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs{VendorName: pulumi.String("AWS"),
		Name: pulumi.String(g.Name)}
	if g.Name == botControl.Name {
		group.ManagedRuleGroupConfigs = wafv2.WebAclRuleStatementManagedRuleGroupStatementManagedRuleGroupConfigArray{
			&wafv2.WebAclRuleStatementManagedRuleGroupStatementManagedRuleGroupConfigArgs{
				AwsManagedRulesBotControlRuleSet: &bots{InspectionLevel: pulumi.String("COMMON")}}}
	}
	return &wafv2.WebAclRuleStatementArgs{ManagedRuleGroupStatement: group}
}

// labelled matches what the groups have put one of their refused labels on.
func labelled(groups []managedGroup) *wafv2.WebAclRuleStatementArgs {
	var any wafv2.WebAclRuleStatementArray
	for _, group := range groups {
		for _, blocked := range group.Blocks {
			any = append(any, &wafv2.WebAclRuleStatementArgs{
				LabelMatchStatement: &wafv2.WebAclRuleStatementLabelMatchStatementArgs{Scope: pulumi.String("LABEL"),
					Key: pulumi.String(group.Namespace + blocked.Label)}})
		}
	}
	return &wafv2.WebAclRuleStatementArgs{OrStatement: &wafv2.WebAclRuleStatementOrStatementArgs{Statements: any}}
}
