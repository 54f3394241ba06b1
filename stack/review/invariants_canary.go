package review

import (
	"fmt"
	"slices"
	"strings"
)

// canaryName is what the resources of the canary are called.
const canaryName = "canary"

const (
	// canarySeconds is how long a check is taken to last, most of it waiting: a mapping collects records for half a
	// second, and the canary asks for the outcome twice a second.
	canarySeconds = 2
	// canaryMetrics are its own, and those that a processor has of the type of its event.
	canaryMetrics, canaryTypeMetrics = 3, 4
)

// canaryHour is what the canary costs, whoever else uses the service.
func canaryHour(g Graph, n Registration) []Line {
	if n.Name != canaryName {
		return nil
	}
	checks := secondsAMonth / 60.0 / g.canaryMinutes()
	used := checks * canarySeconds * n.Number("memorySize") / 1024
	return []Line{
		{What: partCanary, Monthly: (canaryMetrics + canaryTypeMetrics) * metricMonth,
			Arithmetic: fmt.Sprintf("%d metrics of its own and %d of its event's type × %.2f", canaryMetrics, canaryTypeMetrics,
				metricMonth)},
		{What: partCanary, Monthly: used*lambdaGBSecond + checks/million*lambdaInvocations,
			Arithmetic: fmt.Sprintf("%.0f checks of %d s × %g MB × %g", checks, canarySeconds, n.Number("memorySize"),
				lambdaGBSecond)},
	}
}

// canaryMinutes are those between two checks.
func (g Graph) canaryMinutes() float64 {
	for _, rule := range g.Of("cloudwatch.EventRule") {
		var minutes float64
		if _, err := fmt.Sscanf(rule.Text("scheduleExpression"), "rate(%g minute", &minutes); err == nil && minutes > 0 {
			return minutes
		}
	}
	return 1
}

// ofCanary is what the canary does beside asking the API.
func (g Graph) ofCanary() []right {
	all := rightsTo(":log-group:", "logs:CreateLogStream", "logs:PutLogEvents")
	if key := g.named("lambda.Function", canaryName).Text("environment", "variables", "CANARY_KEY_SECRET"); key != "" {
		all = append(all, rightsTo(key, "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue")...)
	}
	return all
}

// looseCanary finds a canary that is half there, or whose key somebody else could have.
func looseCanary(g Graph) (broken []string) {
	find := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if g.Has("secretsmanager.SecretVersion", canaryKeyName) {
		find("the canary's key is in the state: the canary makes it by itself")
	}
	secret := ""
	if g.Has("secretsmanager.Secret", canaryKeyName) {
		secret = madeUpARN("secretsmanager.Secret", canaryKeyName)
	}
	if asked := g.environment()["CANARY_KEY_SECRET"]; asked != secret {
		find("the API lets the canary in by %q, and its key is in %q", asked, secret)
	}
	for _, n := range g.Of("iam.RolePolicy") {
		allowed, _ := n.grants()
		for _, r := range allowed {
			if n.Name == canaryName && !strings.Contains(r.on, ":log-group:") && !strings.HasPrefix(r.action, "kms:") &&
				(r.on != secret || secret == "") {
				find("%s may do %s on %s, and the canary only asks the API", n, r.action, r.on)
			}
			mayRead := n.Name == canaryName || n.Name == "api" && r.action == "secretsmanager:GetSecretValue"
			if secret != "" && r.on == secret && !mayRead {
				find("%s may do %s on the canary's key", n, r.action)
			}
		}
	}
	if !g.Has("lambda.Function", canaryName) {
		return broken
	}
	function := g.named("lambda.Function", canaryName)
	variables := function.At("environment", "variables").ObjectValue()
	for name := range variables {
		if !slices.Contains([]string{"CANARY_URL", "CANARY_DEADLINE", "CANARY_KEY_SECRET"}, string(name)) {
			find("%s has the variable %s", function, name)
		}
	}
	if has := function.Text("environment", "variables", "CANARY_KEY_SECRET"); has != secret {
		find("%s reads its key from %q, and not from %q", function, has, secret)
	}
	if function.Text("handler") != canaryName {
		find("%s would start as a processor", function)
	}
	if !function.At("vpcConfig").IsNull() {
		find("%s is inside the network, and its clients are not", function)
	}
	rule, permission := g.named("cloudwatch.EventRule", canaryName), g.named("lambda.Permission", canaryName)
	switch arn := madeUpARN("cloudwatch.EventRule", canaryName); {
	case g.named("cloudwatch.EventTarget", canaryName).Text("arn") != madeUpARN("lambda.Function", canaryName):
		find("nothing starts %s", function)
	case permission.Text("sourceArn") != arn || permission.Text("principal") != "events.amazonaws.com":
		find("%s lets in others than %s", permission, rule)
	case rule.Text("state") == "ENABLED" && g.serving().Number("desiredCount") == 0:
		find("%s starts a canary of a service that does not run", rule)
	}
	for _, name := range []string{"canary-failing", "canary-missing"} {
		if !g.Has("cloudwatch.MetricAlarm", name) {
			find("nobody is told by %s", name)
		}
	}
	retries := g.named("lambda.FunctionEventInvokeConfig", canaryName).At("maximumRetryAttempts")
	if !retries.IsNumber() || retries.NumberValue() != 0 {
		find("Lambda repeats a check that failed, and tells of it later")
	}
	return broken
}

// canaryKeyName is its secret.
const canaryKeyName = "canary-key"
