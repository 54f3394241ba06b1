package review

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rotationName is what the resources of the rotation are called.
const rotationName = "rotation"

// rotated are the secrets that the function is told of.
func (g Graph) rotated() (secrets []string) {
	var clients map[string]string
	text := g.named("lambda.Function", rotationName).Text("environment", "variables", "ROTATION_CLIENTS")
	_ = json.Unmarshal([]byte(text), &clients) // what can't be read names none
	return slices.Sorted(maps.Values(clients))
}

// ofRotation is what the rotation of keys does.
func (g Graph) ofRotation() []right {
	change := func(secret string) []right {
		return rightsTo(secret, "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue",
			"secretsmanager:UpdateSecretVersionStage")
	}
	all := append(rightsTo(":log-group:", "logs:CreateLogStream", "logs:PutLogEvents"),
		change(g.environment()["API_KEYS_SECRET"])...)
	for _, secret := range g.rotated() {
		all = append(append(all, change(secret)...), right{"secretsmanager:DescribeSecret", secret})
	}
	return all
}

// looseRotation finds secrets that the function is told of and nobody rotates, and the other way round, and rights on
// others.
func looseRotation(g Graph) (broken []string) {
	var rotated []string
	for _, n := range g.Of("secretsmanager.SecretRotation") {
		rotated = append(rotated, n.Text("secretId"))
		if n.Text("rotationLambdaArn") != madeUpARN("lambda.Function", rotationName) {
			broken = append(broken, fmt.Sprintf("%s is done by %s", n, n.Text("rotationLambdaArn")))
		}
	}
	slices.Sort(rotated)
	if told := g.rotated(); !slices.Equal(told, rotated) {
		broken = append(broken, fmt.Sprintf("the function rotates %q, and is called for %q", told, rotated))
	}
	allowed, _ := g.named("iam.RolePolicy", rotationName).grants()
	for _, r := range allowed {
		if strings.HasPrefix(r.action, "secretsmanager:") && r.on != g.environment()["API_KEYS_SECRET"] &&
			!slices.Contains(rotated, r.on) {
			broken = append(broken, fmt.Sprintf("the function may do %s on %s, whose key it does not rotate", r.action, r.on))
		}
	}
	for _, n := range g.Of("lambda.Permission") {
		if n.Text("principal") == "secretsmanager.amazonaws.com" && n.Text("sourceAccount") == "" {
			broken = append(broken, fmt.Sprintf("%s lets Secrets Manager start it for any account", n))
		}
	}
	return broken
}
