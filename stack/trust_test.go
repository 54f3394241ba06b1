package main

import (
	"encoding/json"
	"testing"
)

// claims are what a token of GitHub's says, as far as a policy may ask.
type claims struct{ issuer, audience, subject string }

// mayAssume evaluates a trust policy as IAM does for a web identity: a statement must allow the action to the issuer,
// and all of its conditions must hold. An operator that it does not know is an error, and not a yes.
func mayAssume(t *testing.T, policy string, c claims) bool {
	t.Helper()
	var d struct {
		Statement []struct {
			Effect    string
			Principal map[string]string
			Action    []string
			Condition map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(policy), &d); err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Statement {
		if s.Effect != "Allow" || len(s.Principal) != 1 || len(s.Action) != 1 ||
			s.Action[0] != "sts:AssumeRoleWithWebIdentity" || s.Principal["Federated"] == "" {
			t.Fatalf("a statement that this test can't evaluate: %v", s)
		}
		holds := c.issuer == githubIssuer
		for operator, compared := range s.Condition {
			if operator != "StringEquals" {
				t.Fatalf("an operator that this test can't evaluate: %s", operator)
			}
			for key, want := range compared {
				have, known := map[string]string{githubIssuer + ":aud": c.audience, githubIssuer + ":sub": c.subject}[key]
				holds = holds && known && have == want
			}
		}
		if holds && len(s.Condition) > 0 {
			return true
		}
	}
	return false
}

func TestOnlyTheJobsOfAnEnvironmentOfThisRepositoryMayTakeItsRole(t *testing.T) {
	g := recorded(t, "artifacts", false)
	const ours = "repo:example/event-processing-service:"
	environments := append([]string{buildEnvironment}, delivered...)
	if len(g.Of("iam.Role")) != len(environments) {
		t.Fatalf("there are %d roles", len(g.Of("iam.Role")))
	}
	for _, role := range environments {
		trust := find(t, g, "iam.Role", role).Text("assumeRolePolicy")
		for _, environment := range environments {
			token := claims{githubIssuer, githubAudience, ours + "environment:" + environment}
			if got := mayAssume(t, trust, token); got != (role == environment) {
				t.Errorf("a job of environment %s may take the role of %s: %v", environment, role, got)
			}
		}
		for what, token := range map[string]claims{
			"a fork's job": {githubIssuer, githubAudience,
				"repo:stranger/event-processing-service:environment:" + role},
			"another repository of the owner": {githubIssuer, githubAudience, "repo:example/other:environment:" + role},
			"a repository whose name starts the same": {githubIssuer, githubAudience,
				"repo:example/event-processing-service-x:environment:" + role},
			"a branch":                         {githubIssuer, githubAudience, ours + "ref:refs/heads/main"},
			"a branch named as an environment": {githubIssuer, githubAudience, ours + "ref:refs/heads/environment:" + role},
			"a tag":                            {githubIssuer, githubAudience, ours + "ref:refs/tags/v1.2.3"},
			"a pull request":                   {githubIssuer, githubAudience, ours + "pull_request"},
			"an environment in other letters":  {githubIssuer, githubAudience, ours + "environment:PROD"},
			"an environment that starts so":    {githubIssuer, githubAudience, ours + "environment:" + role + "-2"},
			"a token for somebody else":        {githubIssuer, "https://github.com/example", ours + "environment:" + role},
			"a token of another issuer":        {"gitlab.example", githubAudience, ours + "environment:" + role},
			"no subject":                       {githubIssuer, githubAudience, ""},
		} {
			if mayAssume(t, trust, token) {
				t.Errorf("%s may take the role of %s", what, role)
			}
		}
	}
}

func TestTheTableOfSubjectsFindsATrustThatIsTooWide(t *testing.T) {
	anybody := policy(statement{Effect: "Allow", Principal: map[string]string{"Federated": "arn"},
		Action:    []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: map[string]map[string]string{"StringEquals": {githubIssuer + ":aud": githubAudience}}}).JSON()
	if !mayAssume(t, anybody, claims{githubIssuer, githubAudience, "repo:stranger/x:pull_request"}) {
		t.Error("a trust without a subject lets nobody in, says the evaluator")
	}
}
