package review

import (
	"fmt"
	"slices"
	"strings"
)

// keysOfSubjects is what the table of subjects' keys, and the key of KMS that wraps them, are called in the program.
const keysOfSubjects = "subject-keys"

// wrapsKeys reports whether a function uses keys that KMS has to unwrap.
func (n Registration) wrapsKeys() bool {
	return strings.Contains(n.Text("environment", "variables", "SUBJECT_KEYS"), "?kms=")
}

// rememberedKeys finds what would bring the key of a forgotten subject back, and programs that don't know the keys: one
// that encrypts where another can't decrypt.
func rememberedKeys(g Graph) (broken []string) {
	const keys, types = "SUBJECT_KEYS", "SHREDDED_TYPES"
	api, there := g.environment(), g.Has("dynamodb.Table", keysOfSubjects)
	if !there && api[keys] == "" {
		return nil
	}
	table := g.named("dynamodb.Table", keysOfSubjects)
	alias := g.named("kms.Alias", keysOfSubjects).Text("name")
	if want := "dynamodb://" + table.Text("name") + "?kms=" + alias; api[keys] != want {
		broken = append(broken, fmt.Sprintf("the API looks for keys in %q, but they are in %s", api[keys], want))
	}
	if table.Is("pointInTimeRecovery", "enabled") {
		broken = append(broken, fmt.Sprintf("%s can be restored to a second at which a key was not forgotten", table))
	}
	if len(table.list("replicas")) > 0 || table.Is("streamEnabled") {
		broken = append(broken, fmt.Sprintf("%s is copied elsewhere", table))
	}
	arn := madeUpARN("dynamodb.Table", keysOfSubjects)
	for short, path := range map[string]string{"backup.Selection": "resources",
		"backup.RestoreTestingSelection": "protectedResourceArns"} {
		for _, n := range g.Of(short) {
			if slices.Contains(n.list(path), any(arn)) {
				broken = append(broken, fmt.Sprintf("%s keeps copies of %s", n, table))
			}
		}
	}
	for _, n := range g.processors() {
		for _, name := range []string{keys, types} {
			if has := n.Text("environment", "variables", name); has != api[name] {
				broken = append(broken, fmt.Sprintf("%s has %q as its %s, and the API %q", n, has, name, api[name]))
			}
		}
	}
	return broken
}

// subjectKeyUser is what the API and the processors do with keys of subjects.
func (g Graph) subjectKeyUser() []right {
	if g.environment()["SUBJECT_KEYS"] == "" {
		return nil
	}
	return append(rightsTo(madeUpARN("dynamodb.Table", keysOfSubjects), "dynamodb:GetItem", "dynamodb:PutItem"),
		rightsTo(madeUpARN("kms.Key", keysOfSubjects), "kms:Decrypt", "kms:GenerateDataKey")...)
}

// forgetter is what the operator does with them.
func (g Graph) forgetter() []right {
	if g.environment()["SUBJECT_KEYS"] == "" {
		return nil
	}
	return append(rightsTo(madeUpARN("dynamodb.Table", keysOfSubjects), "dynamodb:GetItem", "dynamodb:PutItem"),
		rightsTo(":table/", "dynamodb:UpdateItem")...)
}

// privacyByUse is what keys of subjects cost by their use: https://aws.amazon.com/kms/pricing/
func (g Graph) privacyByUse() []string {
	if !g.Has("kms.Key", keysOfSubjects) {
		return nil
	}
	return []string{"kms.Key " + keysOfSubjects + ": 0.03 for 10,000 uses, one a minute and process for each subject " +
		"that has events"}
}
