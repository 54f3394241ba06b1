//go:build pulumi

package main

import (
	"strings"
	"testing"
)

// rehearseEdge takes CloudFront out of dev, puts it back, and a firewall before it, each in a deployment of its own.
func rehearseEdge(t *testing.T, on stage) {
	t.Helper()
	rehearseSteps(t, on, []rehearsalStep{
		{"pulumi config set --stack dev --path edge.cdn false", []string{"edge-from-anywhere-80"},
			[]string{"aws:cloudfront/", "edge-from-cloudfront-80", "cdn-errors", "aws:wafv2/"}},
		{"pulumi config set --stack dev --path edge.cdn true", []string{"aws:cloudfront/vpcOrigin:VpcOrigin",
			"edge-from-cloudfront-80"}, []string{"edge-from-anywhere-80"}},
		{"pulumi config set --stack dev --path edge.waf.requestsByAddress 100000", []string{"aws:wafv2/webAcl:WebAcl",
			`"scope": "CLOUDFRONT"`}, []string{"aws:wafv2/webAclAssociation"}},
		{"pulumi config set --stack dev --path edge.cdn false", []string{"aws:wafv2/webAclAssociation",
			`"scope": "REGIONAL"`}, []string{"aws:cloudfront/"}},
		{"pulumi config set --stack dev --path edge.tlsToTasks true", []string{`"protocol": "HTTPS"`,
			"TLS_SELF_SIGNED"}, nil},
		{"pulumi config rm --stack dev --path edge.tlsToTasks", nil, []string{"TLS_SELF_SIGNED"}},
		{"pulumi config rm --stack dev --path edge.waf && pulumi config set --stack dev --path edge.cdn true",
			[]string{"aws:cloudfront/"}, []string{"aws:wafv2/"}},
	})
}

// rehearseNetwork takes the way to the internet out of dev, and puts it back.
func rehearseNetwork(t *testing.T, on stage) {
	t.Helper()
	const set, rm = "pulumi config set --stack dev --path ", "pulumi config rm --stack dev --path "
	rehearseSteps(t, on, []rehearsalStep{
		{set + "network.natGateways 0 && " + set + "network.endpoints true && " + set + "tracing.collector " + mirrored,
			[]string{"com.amazonaws.us-east-1.xray", "api-to-endpoints-443"},
			[]string{"aws:ec2/natGateway", "api-to-anywhere-443"}},
		{set + "network.natGateways 1 && " + rm + "network.endpoints && " + set + "tracing.collector " +
			defaultTracing().Collector, []string{"aws:ec2/natGateway", "api-to-anywhere-443"},
			[]string{"com.amazonaws.us-east-1.xray", "-to-endpoints-443"}},
	})
}

// rehearsalStep is a setting of dev's, and what of it the engine's state has, and has no more.
type rehearsalStep struct {
	setting    string
	has, lacks []string
}

func rehearseSteps(t *testing.T, on stage, steps []rehearsalStep) {
	t.Helper()
	for _, step := range steps {
		on.run(t, step.setting)
		on.run(t, "pulumi up --yes --skip-preview --stack dev")
		on.run(t, "pulumi up --yes --expect-no-changes --skip-preview --stack dev")
		state := on.run(t, "pulumi stack export --stack dev")
		for _, what := range step.has {
			if !strings.Contains(state, what) {
				t.Errorf("%s does not bring %s", step.setting, what)
			}
		}
		for _, what := range step.lacks {
			if strings.Contains(state, what) {
				t.Errorf("%s leaves %s", step.setting, what)
			}
		}
	}
}
