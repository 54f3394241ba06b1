package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"event-processing-service/internal/canary"
	"event-processing-service/internal/settings"
	"event-processing-service/stack/review"
)

// functionVariables are a function's.
func functionVariables(t *testing.T, g review.Graph, name string) map[string]string {
	t.Helper()
	variables := map[string]string{}
	for key, value := range find(t, g, "lambda.Function", name).At("environment", "variables").ObjectValue() {
		variables[string(key)] = value.StringValue()
	}
	return variables
}

func TestTheCanaryAcceptsWhatItIsGivenAndTheAPIKnowsItsKey(t *testing.T) {
	g := recorded(t, "prod", false)
	given := functionVariables(t, g, "canary")
	env, err := settings.LoadCanary(func(name string) (string, bool) { v, set := given[name]; return v, set })
	if err != nil || env.URL != "https://events.example.com" || env.KeySecret == "" ||
		env.KeySecret != containerVariables(t, g, "api")["CANARY_KEY_SECRET"] {
		t.Errorf("%+v, %v", env, err)
	}
	if timeout := find(t, g, "lambda.Function", "canary").Number("timeout"); timeout <= env.Deadline.Seconds() {
		t.Errorf("Lambda ends it after %g s, before it could tell that nothing came within %s", timeout, env.Deadline)
	}
	if canaryHandler != canary.Client { // the same word in the API's metrics and in the stack
		t.Errorf("the client is called %s, and the handler %s", canary.Client, canaryHandler)
	}
	one, other := find(t, g, "lambda.Function", "canary"), find(t, g, "lambda.Function", "processor")
	if one.Text("handler") != "canary" || other.Text("handler") != "bootstrap" {
		t.Errorf("the handlers are %s and %s", one.Text("handler"), other.Text("handler"))
	}
	if rate := find(t, g, "cloudwatch.EventRule", "canary").Text("scheduleExpression"); rate != "rate(1 minute)" {
		t.Errorf("it runs by %s", rate)
	}
	rule := find(t, g, "cloudwatch.CompositeAlarm", "pipeline-broken").Text("alarmRule")
	for _, name := range []string{"canary-failing", "canary-missing"} {
		if !strings.Contains(rule, `ALARM("event-processing-service-`+name+`")`) {
			t.Errorf("%s is not in %s", name, rule)
		}
	}
}

func TestWithoutACanaryThereIsNothingOfItAndItCostsNothing(t *testing.T) {
	g := recordedWith(t, "prod", in("canary", "enabled", false))
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("%q", found)
	}
	for _, n := range g.Nodes {
		if strings.Contains(n.Name, "canary") || strings.Contains(n.Text("policy"), "anary") ||
			strings.Contains(n.Text("alarmRule"), "canary") {
			t.Errorf("%s is left", n)
		}
	}
	if secret, is := containerVariables(t, g, "api")["CANARY_KEY_SECRET"]; is {
		t.Errorf("the API is told of %q", secret)
	}
	with := recorded(t, "prod", false)
	if costs := with.Bill(review.Load{}).Idle() - g.Bill(review.Load{}).Idle(); costs < 2.8 || costs > 2.9 {
		t.Errorf("it costs %.2f USD a month, the stacks' files say 2.85", costs)
	}
	if seldom := recordedWith(t, "prod", in("canary", "everyMinutes", 5)); seldom.Bill(review.Load{}).Part("Canary") >=
		with.Bill(review.Load{}).Part("Canary") ||
		find(t, seldom, "cloudwatch.EventRule", "canary").Text("scheduleExpression") != "rate(5 minutes)" ||
		find(t, seldom, "cloudwatch.MetricAlarm", "canary-missing").Number("period") != 300 {
		t.Error("a check each five minutes costs as much as one a minute, or its alarms wait for one a minute")
	}
}

func TestACanaryOfAnOpenAPIHasNoKey(t *testing.T) {
	g := recordedWith(t, "dev", both(at(ns+"canary", `{"enabled":true}`), both(in("edge", "cdn", false),
		in("edge", "allowedNetworks", []string{"0.0.0.0/0"}))))
	if found := g.Findings(); len(found) > 0 || g.Has("secretsmanager.Secret", "canary-key") {
		t.Errorf("%q, a key: %v", found, g.Has("secretsmanager.Secret", "canary-key"))
	}
	if _, is := functionVariables(t, g, "canary")["CANARY_KEY_SECRET"]; is {
		t.Error("it looks for a key")
	}
}

func TestACanaryStandsByWithItsStack(t *testing.T) {
	g := recordedWith(t, "recovery", at(ns+"canary", `{"enabled":true}`))
	if found := g.Findings(); len(found) > 0 ||
		find(t, g, "cloudwatch.EventRule", "canary").Text("state") != "DISABLED" {
		t.Errorf("%q, and its rule is %s", found, find(t, g, "cloudwatch.EventRule", "canary").Text("state"))
	}
	if _, uncovered := deployerPolicy(g, rightsOf(g)); len(uncovered) > 0 {
		t.Errorf("nobody may deploy %q", uncovered)
	}
}

func TestACanaryThatIsHalfThereIsFound(t *testing.T) {
	const key = "arn:aws:secretsmanager:us-east-1:123456789012:secret:canary-key"
	give := func(role string, s statement) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", role), "policy", policy(s).JSON())
		}
	}
	drop := func(short, name string) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) { find(t, g, short, name).Name = "other" }
	}
	to := func(short, property string, value any) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) {
			set(find(t, g, short, "canary"), resource.PropertyKey(property), value)
		}
	}
	for found, put := range map[string]func(*testing.T, review.Graph){
		"the canary's key is in the state": func(t *testing.T, g review.Graph) {
			find(t, g, "secretsmanager.SecretVersion", "api-keys").Name = "canary-key"
		},
		`the API lets the canary in by ""`: func(t *testing.T, g review.Graph) {
			change(t, g, func(all []container) []container {
				all[0].Environment = slices.DeleteFunc(all[0].Environment, func(v variable) bool {
					return v.Name == "CANARY_KEY_SECRET"
				})
				return all
			})
		},
		"canary may do dynamodb:GetItem on arn:x, and the canary only asks": give("canary",
			allow("X", []string{"arn:x"}, "dynamodb:GetItem")),
		"processor may do secretsmanager:GetSecretValue on the canary's key": give("processor",
			allow("X", []string{key}, "secretsmanager:GetSecretValue")),
		"api may do secretsmanager:PutSecretValue on the canary's key": give("api",
			allow("X", []string{key}, "secretsmanager:PutSecretValue")),
		"iam.RolePolicy canary lacks secretsmanager:PutSecretValue on " + key: give("canary",
			allow("X", []string{key}, "secretsmanager:GetSecretValue")),
		"iam.RolePolicy api lacks secretsmanager:GetSecretValue on " + key: give("api",
			allow("X", []string{"arn:x"}, "secretsmanager:GetSecretValue")),
		"canary has the variable API_KEY": to("lambda.Function", "environment", map[string]any{"variables": map[string]any{
			"CANARY_KEY_SECRET": key, "API_KEY": "x"}}),
		`reads its key from "", and not from "` + key: to("lambda.Function", "environment", map[string]any{
			"variables": map[string]any{"CANARY_URL": "x"}}),
		"canary would start as a processor":     to("lambda.Function", "handler", "bootstrap"),
		"canary is inside the network":          to("lambda.Function", "vpcConfig", map[string]any{"subnetIds": []any{"a"}}),
		"nothing starts lambda.Function canary": drop("cloudwatch.EventTarget", "canary"),
		"lets in others than":                   to("lambda.Permission", "sourceArn", "arn:x"),
		"nobody is told by canary-missing":      drop("cloudwatch.MetricAlarm", "canary-missing"),
		"Lambda repeats a check":                to("lambda.FunctionEventInvokeConfig", "maximumRetryAttempts", 2),
	} {
		g := recorded(t, "prod", false)
		put(t, g)
		if all := g.Findings(); !slices.ContainsFunc(all, func(f string) bool { return strings.Contains(f, found) }) {
			t.Errorf("no finding says %q; there are %q", found, all)
		}
	}
	g := recordedWith(t, "recovery", at(ns+"canary", `{"enabled":true}`))
	set(find(t, g, "cloudwatch.EventRule", "canary"), "state", "ENABLED")
	if all := strings.Join(g.Findings(), "\n"); !strings.Contains(all, "starts a canary of a service that does not run") {
		t.Errorf("%q", all)
	}
}

// onlyFrom lets in these networks alone, which a canary is in none of.
func onlyFrom(networks ...string) func(*review.StackConfig) {
	return both(in("canary", "enabled", false), in("edge", "allowedNetworks", networks))
}

func TestWhatACanaryDemandsOfItsStack(t *testing.T) {
	for want, change := range map[string]func(*review.StackConfig){
		"canary.everyMinutes: must be 1 to 60, is 90":       in("canary", "everyMinutes", 90),
		"canary.deadlineSeconds: must be 1 to 300, is 600":  in("canary", "deadlineSeconds", 600),
		"canary.every: no such key":                         in("canary", "every", 1),
		"canary.enabled: is true, and edge.allowedNetworks": in("edge", "allowedNetworks", []string{"203.0.113.0/24"}),
	} {
		_, err := review.RecordConfig(root, "prod", changed(t, "prod", change), withHandlers(), &review.Recorder{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
