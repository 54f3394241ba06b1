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
