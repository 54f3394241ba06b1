package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"event-processing-service/internal/settings"
	"event-processing-service/stack/review"
)

// withPrivacy is a stack in which subjects can be forgotten.
func withPrivacy(t *testing.T, stack string, others ...func(*review.StackConfig)) review.Graph {
	t.Helper()
	return recordedWith(t, stack, func(c *review.StackConfig) {
		at(ns+"privacy", `{"encryptTypes":["order.created","customer.*"]}`)(c)
		for _, other := range others {
			other(c)
		}
	})
}

func TestOneChoiceGivesEachProgramTheKeysOfSubjectsAndNoRuleIsBroken(t *testing.T) {
	for _, stack := range stacks {
		g := withPrivacy(t, stack)
		for _, finding := range g.Findings() {
			t.Errorf("%s: %s", stack, finding)
		}
		name := find(t, g, "dynamodb.Table", "subject-keys").Text("name")
		function := map[string]string{}
		for key, value := range find(t, g, "lambda.Function", "processor").At("environment", "variables").ObjectValue() {
			function[string(key)] = value.StringValue()
		}
		api, err := settings.LoadAPI(lookupIn(containerVariables(t, g, "api")))
		if err != nil {
			t.Fatalf("%s: %v", stack, err)
		}
		processor, err := settings.LoadProcessor(lookupIn(function))
		if err != nil {
			t.Fatalf("%s: %v", stack, err)
		}
		operator, err := settings.LoadProcessor(lookupIn(containerVariables(t, g, "operator")))
		if err != nil {
			t.Fatalf("%s: %v", stack, err)
		}
		want := "dynamodb://" + name + "?kms=" + find(t, g, "kms.Alias", "subject-keys").Text("name")
		for program, keys := range map[string]settings.Keys{"API": api.Keys, "processor": processor.Keys} {
			if keys.URL != want || !slices.Equal(keys.Types, []string{"order.created", "customer.*"}) {
				t.Errorf("%s: the %s has %+v, not %s", stack, program, keys, want)
			}
		}
		if operator.Keys.URL != want || operator.Store.Kind != "dynamodb" || operator.Store.Table == "" {
			t.Errorf("%s: the operator can't forget: %+v, %+v", stack, operator.Keys, operator.Store)
		}
	}
}

func lookupIn(variables map[string]string) settings.Lookup {
	return func(name string) (string, bool) { value, set := variables[name]; return value, set }
}

func TestWithoutTheChoiceThereIsNothingOfIt(t *testing.T) {
	for _, stack := range stacks {
		g := recorded(t, stack, false)
		for _, n := range g.Nodes {
			if n.Name == "privacy" || strings.HasPrefix(n.Name, "subject-keys") ||
				strings.Contains(n.Text("policy"), "subject-keys") && review.Short(n.Type) != "iam.Policy" {
				t.Errorf("%s has %s", stack, n)
			}
		}
	}
}

func TestPrivacyCostsAKeyAndAnAlarmAndSaysWhatItsUseCosts(t *testing.T) {
	before, after := recorded(t, "prod", false).Bill(review.Load{}), withPrivacy(t, "prod").Bill(review.Load{})
	// docs/privacy.md and the stacks' files say 1.20
	if more := after.Idle() - before.Idle(); more < 1.199 || more > 1.201 {
		t.Errorf("it costs %.2f a month more", more)
	}
	if !slices.ContainsFunc(after.ByUse, func(use string) bool { return strings.Contains(use, "keys: 0.03 for") }) {
		t.Errorf("by use are %q", after.ByUse)
	}
	load := review.Load{Events: 100}
	was, is := recorded(t, "prod", false).Bill(load), withPrivacy(t, "prod").Bill(load)
	if more := is.Total() - was.Total(); more > 1.201 {
		t.Errorf("the table of keys is paid as if each event were written into it: %.2f more", more)
	}
}

// The operator's task can forget what it can't read.
func TestOnlyWhoReadsEventsMayUnwrapKeysAndOnlyThoseOfTheTable(t *testing.T) {
	g := withPrivacy(t, "prod", at(ns+"processors", `{"audit":{"memory":256,"timeoutSeconds":60,"batchSize":100,`+
		`"maxAttempts":5,"logLevel":"INFO"}}`))
	key := find(t, g, "kms.Key", "subject-keys")
	for _, n := range g.Of("iam.RolePolicy") {
		var d document
		if err := json.Unmarshal([]byte(n.Text("policy")), &d); err != nil {
			t.Fatal(err)
		}
		unwraps, forgets := false, false
		for _, s := range d.Statement {
			if slices.ContainsFunc(s.Resource, func(on string) bool { return strings.Contains(on, "key/2222") }) {
				unwraps = true
				if got := s.Condition["StringEquals"]["kms:EncryptionContext:table"]; got == "" {
					t.Errorf("%s may unwrap anything", n)
				}
			}
			forgets = forgets || slices.ContainsFunc(s.Resource, func(on string) bool {
				return strings.HasSuffix(on, "table/subject-keys")
			})
		}
		reads := slices.Contains([]string{"api", "processor", "processor-audit"}, n.Name)
		if unwraps != reads || forgets != (reads || n.Name == "operator") {
			t.Errorf("%s: unwraps %v, changes the table %v", n, unwraps, forgets)
		}
	}
	var own document
	if err := json.Unmarshal([]byte(key.Text("policy")), &own); err != nil {
		t.Fatal(err)
	}
	deny := own.Statement[len(own.Statement)-1]
	if deny.Effect != "Deny" || deny.Condition["StringNotEquals"]["kms:EncryptionContext:table"] !=
		find(t, g, "dynamodb.Table", "subject-keys").Text("name") || !slices.Contains(deny.Action, "kms:Decrypt") {
		t.Errorf("the key's policy ends with %+v", deny)
	}
}

func TestWhatWouldBringAForgottenKeyBackIsFound(t *testing.T) {
	arn := "arn:aws:dynamodb:us-east-1:123456789012:table/subject-keys"
	for _, c := range []struct {
		cause string
		put   func(review.Graph)
		found string
	}{
		{"recovery to a point in time", func(g review.Graph) {
			set(find(t, g, "dynamodb.Table", "subject-keys"), "pointInTimeRecovery", map[string]any{"enabled": true})
		}, "subject-keys can be restored"},
		{"a copy in another region", func(g review.Graph) {
			set(find(t, g, "dynamodb.Table", "subject-keys"), "replicas", []any{map[string]any{"regionName": "us-west-2"}})
		}, "subject-keys is copied elsewhere"},
		{"a stream of its changes", func(g review.Graph) {
			set(find(t, g, "dynamodb.Table", "subject-keys"), "streamEnabled", true)
		}, "subject-keys is copied elsewhere"},
		{"a backup", func(g review.Graph) {
			set(find(t, g, "backup.Selection", "events"), "resources", []any{arn})
		}, "backup.Selection events keeps copies of dynamodb.Table subject-keys"},
		{"a processor that knows no keys", func(g review.Graph) {
			variables := find(t, g, "lambda.Function", "processor").At("environment", "variables").ObjectValue()
			delete(variables, "SUBJECT_KEYS")
		}, `lambda.Function processor has "" as its SUBJECT_KEYS`},
		{"a function that can't reach KMS", func(g review.Graph) {
			set(find(t, g, "vpc.SecurityGroupEgressRule", "processor-to-anywhere-443"), "cidrIpv4", "10.0.0.0/8")
		}, "ec2.SecurityGroup-processor may not go to 0.0.0.0/0 on 443"},
		{"a function that may not unwrap", func(g review.Graph) {
			n := find(t, g, "iam.RolePolicy", "processor")
			set(n, "policy", strings.ReplaceAll(n.Text("policy"), `"kms:Decrypt","kms:GenerateDataKey"]`,
				`"kms:GenerateDataKey"]`))
		}, "iam.RolePolicy processor lacks kms:Decrypt"},
		{"a table that can be deleted", func(g review.Graph) {
			set(find(t, g, "dynamodb.Table", "subject-keys"), "deletionProtectionEnabled", false)
		}, "subject-keys can be deleted in the console"},
	} {
		g := withPrivacy(t, "prod")
		c.put(g)
		if found := g.Findings(); !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, c.found) }) {
			t.Errorf("%s: found are %q", c.cause, found)
		}
	}
}

func TestTypesThatTheProgramsWouldRefuseAreRefusedBefore(t *testing.T) {
	for value, want := range map[string]string{
		`{"encryptTypes":["order.*.x"]}`: "privacy.encryptTypes: must be event types",
		`{"encryptTypes":["*"]}`:         "privacy.encryptTypes: must be event types",
		`{"encryptTypes":["a b"]}`:       "privacy.encryptTypes: must be event types",
		`{"encryptType":["a"]}`:          "privacy.encryptType",
	} {
		_, err := review.RecordConfig(root, "dev", changed(t, "dev", at(ns+"privacy", value)), withHandlers(),
			&review.Recorder{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// Who takes types off the list must still read what was encrypted.
func TestAnEmptyListEncryptsNothingMoreAndKeepsTheKeys(t *testing.T) {
	g := recordedWith(t, "prod", at(ns+"privacy", `{"encryptTypes":[]}`))
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("%q", found)
	}
	api := containerVariables(t, g, "api")
	if _, encrypts := api["SHREDDED_TYPES"]; encrypts || api["SUBJECT_KEYS"] == "" || !g.Has("kms.Key", "subject-keys") {
		t.Errorf("the API has %q", api)
	}
}
