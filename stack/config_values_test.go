package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestAccountIDsMayBeNumbersWithALeadingZeroKeptAsText(t *testing.T) {
	c := changed(t, "dev", at("aws:allowedAccountIds", `[123456789012,"012345678901"]`))
	g, err := review.RecordConfig(root, "dev", c, offlineProgram(), &review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	provider := g.Nodes[slices.IndexFunc(g.Nodes,
		func(n review.Registration) bool { return n.Type == "pulumi:providers:aws" })]
	if got := fmt.Sprint(provider.At("allowedAccountIds").Mappable()); got != "[123456789012 012345678901]" {
		t.Errorf("provider is limited to %s", got)
	}
}

func TestASecretThatIsEncryptedInTheFileIsAPlaceholderOffline(t *testing.T) {
	c, err := review.ReadStack("testdata/encrypted", "test")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"p:apiKeys": review.Encrypted, "p:name": "n", "p:protect": "false"}
	if !maps.Equal(c.Values, want) || len(c.Secrets) != 1 || c.Secrets[0] != "p:apiKeys" {
		t.Errorf("values %v, secrets %v", c.Values, c.Secrets)
	}
}

func TestAStackWithoutAFileIsAnErrorThatNamesIt(t *testing.T) {
	if _, err := review.ReadStack(root, "nowhere"); err == nil || !strings.Contains(err.Error(), "Pulumi.nowhere.yaml") {
		t.Errorf("error is %v", err)
	}
}
