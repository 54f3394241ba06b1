package main

import (
	"slices"
	"strings"
	"testing"

	"event-processing-service/internal/settings"
	"event-processing-service/stack/review"
)

const shopSecret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/api-key-Ab12Cd"

func rotating(more string) func(*review.StackConfig) {
	return at(ns+"keys", `{"rotation":{"clients":{"shop":"`+shopSecret+`"},"everyDays":30,"overlapHours":24`+more+`}}`)
}

func TestTheRotationAcceptsWhatItIsGivenAndReachesNothingElse(t *testing.T) {
	for _, stack := range []string{"dev", "prod"} {
		g := recordedWith(t, stack, rotating(""))
		if found := g.Findings(); len(found) > 0 {
			t.Errorf("%s: %q", stack, found)
		}
		given := functionVariables(t, g, "rotation")
		env, err := settings.LoadRotation(func(name string) (string, bool) { v, set := given[name]; return v, set })
		if err != nil || env.Clients["shop"] != shopSecret || env.Overlap.Hours() != 24 || len(given) != 4 ||
			env.KeysSecret != containerVariables(t, g, "api")["API_KEYS_SECRET"] ||
			env.URL != containerVariables(t, g, "api")["PUBLIC_URL"] {
			t.Errorf("%s: %v makes %+v, %v", stack, given, env, err)
		}
		rotation := find(t, g, "secretsmanager.SecretRotation", "shop")
		if rotation.Text("secretId") != shopSecret || rotation.Number("rotationRules", "automaticallyAfterDays") != 30 {
			t.Errorf("%s: %v", stack, rotation.Inputs)
		}
		if handler := find(t, g, "lambda.Function", "rotation").Text("handler"); handler != "rotation" {
			t.Errorf("%s: it would start as %s", stack, handler)
		}
		if _, uncovered := deployerPolicy(g, rightsOf(g)); len(uncovered) > 0 {
			t.Errorf("%s: nobody may deploy %q", stack, uncovered)
		}
		find(t, g, "cloudwatch.MetricAlarm", "rotation-failing")
	}
}

func TestNoStackRotatesWhatItsFileDoesNotName(t *testing.T) {
	for _, stack := range stacks {
		if g := recorded(t, stack, false); len(g.Of("secretsmanager.SecretRotation")) > 0 ||
			g.Has("lambda.Function", "rotation") || g.Has("cloudwatch.MetricAlarm", "rotation-failing") {
			t.Errorf("%s has a rotation", stack)
		}
	}
	west := strings.Replace(shopSecret, "us-east-1", "us-west-2", 1)
	g := recordedWith(t, "recovery", at(ns+"keys", `{"rotation":{"clients":{"shop":"`+west+
		`"},"everyDays":30,"overlapHours":24}}`))
	if found := g.Findings(); len(found) > 0 || g.Has("lambda.Function", "rotation") {
		t.Errorf("a stack that stands by gives its clients keys that no task knows: %q", found)
	}
}

func TestARotationThatReachesTooFarOrNotFarEnoughIsFound(t *testing.T) {
	give := func(s ...statement) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", "rotation"), "policy", policy(s...).JSON())
		}
	}
	for found, put := range map[string]func(*testing.T, review.Graph){
		"may do secretsmanager:GetSecretValue on arn:other": give(allow("X", []string{"arn:other"},
			"secretsmanager:GetSecretValue")),
		"iam.RolePolicy rotation lacks secretsmanager:PutSecretValue on " + shopSecret: give(allow("X",
			[]string{shopSecret}, "secretsmanager:GetSecretValue")),
		"and is called for []": func(t *testing.T, g review.Graph) {
			find(t, g, "secretsmanager.SecretRotation", "shop").Type = "aws:other/other:Other"
		},
		"shop is done by arn:x": func(t *testing.T, g review.Graph) {
			set(find(t, g, "secretsmanager.SecretRotation", "shop"), "rotationLambdaArn", "arn:x")
		},
		"for any account": func(t *testing.T, g review.Graph) {
			unset(find(t, g, "lambda.Permission", "rotation"), "sourceAccount")
		},
	} {
		g := recordedWith(t, "prod", rotating(""))
		put(t, g)
		if all := g.Findings(); !slices.ContainsFunc(all, func(f string) bool { return strings.Contains(f, found) }) {
			t.Errorf("no finding says %q; there are %q", found, all)
		}
	}
}

func TestWhatARotationDemandsOfItsStack(t *testing.T) {
	europe := strings.Replace(shopSecret, "us-east-1", "eu-west-1", 1)
	open := both(in("edge", "cdn", false), in("edge", "allowedNetworks", []string{"0.0.0.0/0"}))
	of := func(clients string) func(*review.StackConfig) {
		return at(ns+"keys", `{"rotation":{"clients":{`+clients+`},"everyDays":30,"overlapHours":24}}`)
	}
	for want, change := range map[string]func(*review.StackConfig){
		"keys.rotation.everyDays: must be 1 to 365, is 400":               rotating(`,"everyDays":400`),
		"keys.rotation.overlapHours: must be 1 or more, and less than":    rotating(`,"overlapHours":720`),
		"keys.rotation: is set, and the API asks nobody for a key":        both(rotating(""), open),
		"keys.rotation.clients: is empty":                                 of(""),
		"keys.rotation.clients.shop: must be like arn:aws:secretsmanager": of(`"shop":"shop/api-key"`),
		"keys.rotation.clients.web: has the secret of shop": of(`"shop":"` + shopSecret +
			`","web":"` + shopSecret + `"`),
		"keys.rotation.clients.shop: is not in the stack's region, us-east": of(`"shop":"` + europe + `"`),
	} {
		_, err := review.RecordConfig(root, "dev", changed(t, "dev", change), withHandlers(), &review.Recorder{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
