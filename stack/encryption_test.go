package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestCustomerKeysAreAChoiceAndWithoutItNothingOfThemIsLeft(t *testing.T) {
	g := recordedWith(t, "prod", in("encryption", "customerKeys", nil))
	for _, n := range g.Nodes {
		text, err := json.Marshal(n.Plain())
		if err != nil {
			t.Fatal(err)
		}
		named := strings.Contains(string(text), "arn:aws:kms") || strings.Contains(string(text), "kms:")
		allowed := slices.Contains([]string{"kms.Key", "msk.Cluster", "sns.Topic"}, review.Short(n.Type))
		if n.Custom && named && !allowed {
			t.Errorf("%s: %s", n, text)
		}
	}
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("findings: %q", found)
	}
}

// A role gets as much of the key as its rights to data take, and through the services of the data alone.
func TestARoleMayUseTheKeyOnlyThroughTheServicesOfItsData(t *testing.T) {
	const key = "arn:aws:kms:eu-west-1:123456789012:key/k"
	d := policy(allow("Read", []string{"arn:table"}, "dynamodb:GetItem"),
		allow("Keep", []string{"arn:bucket/*"}, "s3:PutObject"),
		statement{Effect: "Deny", Action: []string{"secretsmanager:GetSecretValue"}, Resource: []string{"*"}}).withKey(key)
	want := map[string]statement{
		"KeyThroughDynamodb": {Action: []string{"kms:Decrypt", "kms:DescribeKey"},
			Condition: map[string]map[string]string{
				"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}}},
		"KeyThroughS3": {Action: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Condition: map[string]map[string]string{
			"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}},
	}
	for _, s := range d.Statement[3:] {
		w := want[s.Sid]
		if !slices.Equal(s.Action, w.Action) || s.Resource[0] != key ||
			s.Condition["StringEquals"]["kms:ViaService"] != w.Condition["StringEquals"]["kms:ViaService"] {
			t.Errorf("%+v", s)
		}
		delete(want, s.Sid)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if same := policy(allow("Read", []string{"arn:table"}, "dynamodb:GetItem")).withKey(""); len(same.Statement) != 1 {
		t.Errorf("without a key there is %+v", same.Statement)
	}
}

func TestLogsOfOtherStacksAreNotOpenedWithTheKey(t *testing.T) {
	logs := statements(t, recorded(t, "prod", false), "kms.Key", "key")["Logs"]
	const groups = "arn:aws:logs:us-east-1:" + review.MadeUpAccount + ":log-group:*event-processing-service*"
	if logs.Principal["Service"] != "logs.us-east-1.amazonaws.com" ||
		logs.Condition["ArnLike"]["kms:EncryptionContext:aws:logs:arn"] != groups {
		t.Errorf("%+v", logs)
	}
	for _, n := range recorded(t, "prod", false).Of("cloudwatch.LogGroup") {
		if !strings.Contains(n.Text("name"), "event-processing-service") {
			t.Errorf("the key is not for %s", n)
		}
	}
}

// Each cause is put in once; a rule that can't fail proves nothing.
func TestHalfOfCustomerKeysIsFound(t *testing.T) {
	without := func(short, name, sid string) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) {
			t.Helper()
			n := find(t, g, short, name)
			var d document
			if err := json.Unmarshal([]byte(n.Text("policy")), &d); err != nil {
				t.Fatal(err)
			}
			d.Statement = slices.DeleteFunc(d.Statement, func(s statement) bool { return s.Sid == sid })
			set(n, "policy", d.JSON())
		}
	}
	for found, put := range map[string]func(*testing.T, review.Graph){
		"cloudwatch.LogGroup brokers is not encrypted with the stack's key": func(t *testing.T, g review.Graph) {
			unset(find(t, g, "cloudwatch.LogGroup", "brokers"), "kmsKeyId")
		},
		"dynamodb.Table events is not encrypted with the stack's key": func(t *testing.T, g review.Graph) {
			set(find(t, g, "dynamodb.Table", "events"), "serverSideEncryption", map[string]any{"enabled": true})
		},
		"secretsmanager.Secret api-keys is not encrypted with the stack's key": func(t *testing.T, g review.Graph) {
			unset(find(t, g, "secretsmanager.Secret", "api-keys"), "kmsKeyId")
		},
		"lambda.Function processor is not encrypted with the stack's key": func(t *testing.T, g review.Graph) {
			unset(find(t, g, "lambda.Function", "processor"), "kmsKeyArn")
		},
		"iam.RolePolicy api may use data in dynamodb, but not its key: it lacks kms:Decrypt": without("iam.RolePolicy",
			"api", "KeyThroughDynamodb"),
		"iam.RolePolicy api may use data in secretsmanager, but not its key": without("iam.RolePolicy", "api",
			"KeyThroughSecretsmanager"),
		"iam.RolePolicy processor may use data in s3, but not its key: it lacks kms:GenerateDataKey": without(
			"iam.RolePolicy", "processor", "KeyThroughS3"),
		"the key's policy has no statement Logs":     without("kms.Key", "key", "Logs"),
		"the key's policy has no statement FlowLogs": without("kms.Key", "key", "FlowLogs"),
	} {
		g := recorded(t, "prod", false)
		put(t, g)
		if all := g.Findings(); !slices.ContainsFunc(all, func(f string) bool { return strings.Contains(f, found) }) {
			t.Errorf("no finding says %q; there are %q", found, all)
		}
	}
	g := recorded(t, "dev", false)
	set(find(t, g, "secretsmanager.Secret", "api-keys"), "kmsKeyId", "arn:aws:kms:us-east-1:1:key/x")
	if all := strings.Join(g.Findings(), "\n"); !strings.Contains(all, "and encryption.customerKeys is off") {
		t.Errorf("dev with half a choice: %q", all)
	}
}
