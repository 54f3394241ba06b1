//go:build pulumi

package main

import "testing"

// rehearseCanary turns a canary on, and takes it out again.
func rehearseCanary(t *testing.T, on stage) {
	t.Helper()
	brings := []string{"event-processing-service-dev/canary-key", "CANARY_KEY_SECRET", "rate(1 minute)",
		"aws:lambda/permission:Permission"}
	rehearseSteps(t, on, []rehearsalStep{
		{"pulumi config set --stack dev --path canary.enabled true", brings, nil},
		{"pulumi config rm --stack dev canary", nil, brings},
	})
}

// rehearseCacheAndMetrics has tasks share their limits and sends the API's metrics to CloudWatch, and takes both out
// again.
func rehearseCacheAndMetrics(t *testing.T, on stage) {
	t.Helper()
	const set, rm = "pulumi config set --stack dev --path ", "pulumi config rm --stack dev --path "
	brings := []string{"aws:elasticache/serverlessCache:ServerlessCache", "RATE_LIMIT_URL", "awsemf"}
	rehearseSteps(t, on, []rehearsalStep{
		{set + "cache.enabled true && " + set + "metrics.enabled true", brings, nil},
		{rm + "cache.enabled && " + rm + "metrics.enabled", nil, brings},
	})
}

// rehearseRotation has a client's key rotated, and takes that out again.
func rehearseRotation(t *testing.T, on stage) {
	t.Helper()
	brings := []string{"aws:secretsmanager/secretRotation:SecretRotation", "ROTATION_CLIENTS",
		"secret:shop/api-key-Ab12Cd"}
	of := "pulumi config set --stack dev --path keys.rotation."
	rehearseSteps(t, on, []rehearsalStep{
		{of + "clients.shop arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/api-key-Ab12Cd && " +
			of + "everyDays 30 && " + of + "overlapHours 24", brings, nil},
		{"pulumi config rm --stack dev keys", nil, brings},
	})
}
