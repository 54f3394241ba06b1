package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"event-processing-service/internal/settings"
	"event-processing-service/stack/review"
)

// allUses is one of each, as a stack's file would have it.
const allUses = `{
	"env": {"SHOP_URL": "https://shop.example.com"},
	"secrets": {"SHOP_KEY": {"secretsManager": "shop/key"}, "LEDGER": {"parameter": "/ledger/login", "json": true}},
	"https": true,
	"services": {"postgres": {"securityGroup": "sg-0123456789abcdef0", "port": 5432}},
	"tables": [{"arn": "arn:aws:dynamodb:us-east-1:123456789012:table/stock", "actions": ["dynamodb:UpdateItem"]}],
	"queues": [{"arn": "arn:aws:sqs:us-east-1:123456789012:shipments", "actions": ["sqs:SendMessage"],
		"key": "arn:aws:kms:us-east-1:123456789012:key/queue"}],
	"buckets": [{"arn": "arn:aws:s3:::invoices", "actions": ["s3:ListBucket", "s3:PutObject"]}],
	"handlersConcurrency": 8
}`

// everyUse is allUses as the program reads it.
func everyUse() (u usesConfig) {
	if problems := decodeStrict("uses", []byte(allUses), &u); len(problems) > 0 {
		panic(fmt.Sprint(problems))
	}
	return u
}

// using returns dev with allUses, one of them taken out or replaced.
func using(without string, instead any) func(*review.StackConfig) {
	return func(c *review.StackConfig) {
		var uses any
		if err := json.Unmarshal([]byte(allUses), &uses); err != nil {
			panic(err)
		}
		in("processor", "uses", uses)(c)
		if without != "" {
			in("processor", "uses."+without, instead)(c)
		}
	}
}

// lines are what a reader compares: a policy's statements and a function's settings each in a line of its own, any
// other resource in one.
func lines(g review.Graph) (all []string) {
	for _, n := range g.Nodes {
		var tree bytes.Buffer
		review.WriteTree(&tree, review.Graph{Nodes: []review.Registration{n}}, true)
		own := strings.Split(strings.TrimSpace(tree.String()), "\n")
		for i := range own {
			own[i] = strings.Join(strings.Fields(own[i]), " ")
		}
		switch review.Short(n.Type) {
		case "iam.RolePolicy":
			var d document
			_ = json.Unmarshal([]byte(n.Text("policy")), &d) // other documents are not policies of the program
			for _, s := range d.Statement {
				all = append(all, fmt.Sprintf("%s: %s %s on %s", n, s.Effect, strings.Join(s.Action, ", "),
					strings.Join(s.Resource, ", ")))
			}
		case "lambda.Function", "cloudwatch.Dashboard":
			for _, line := range own {
				all = append(all, n.String()+": "+line)
			}
		default:
			all = append(all, strings.Join(own, "; "))
		}
	}
	return all
}

// lost are the lines of one that the other lacks.
func lost(of, in []string) (missing []string) {
	in = slices.Clone(in)
	for _, line := range of {
		if i := slices.Index(in, line); i >= 0 {
			in = slices.Delete(in, i, i+1)
		} else {
			missing = append(missing, line)
		}
	}
	return missing
}

// What one line of the stack's file brings, and what goes when it goes.
func TestAUseThatIsTakenOutTakesItsRuleItsRightAndItsVariableWithIt(t *testing.T) {
	dev := lines(recordedWith(t, "dev", asItIs))
	all := lines(recordedWith(t, "dev", using("", nil)))
	var out bytes.Buffer
	show := func(title string, before, after []string) {
		fmt.Fprintf(&out, "%s\n", title)
		for _, line := range lost(before, after) {
			fmt.Fprintln(&out, "  - "+line)
		}
		for _, line := range lost(after, before) {
			fmt.Fprintln(&out, "  + "+line)
		}
	}
	show("dev with every use, beside dev as it is", dev, all)
	for _, use := range []string{"env", "secrets.SHOP_KEY", "secrets.LEDGER", "https", "services", "tables", "queues",
		"buckets", "handlersConcurrency"} {
		show("without "+use, all, lines(recordedWith(t, "dev", using(use, nil))))
	}
	golden(t, "uses.diff", out.Bytes())
}

func TestOneRuleOutIsSharedByAllThatNeedIt(t *testing.T) {
	g := recordedWith(t, "dev", func(c *review.StackConfig) {
		using("https", nil)(c)
		in("processor", "uses.secrets", nil)(c)
	})
	if !g.Has("vpc.SecurityGroupEgressRule", "processor-to-anywhere-443") {
		t.Error("queues have no way out of their own")
	}
	g = recordedWith(t, "dev", func(c *review.StackConfig) {
		using("https", nil)(c)
		in("processor", "uses.secrets", nil)(c)
		in("processor", "uses.queues", nil)(c)
	})
	if g.Has("vpc.SecurityGroupEgressRule", "processor-to-anywhere-443") {
		t.Error("the way out stays though nothing uses it")
	}
}

func TestTheProcessorAcceptsTheEnvironmentThatItsUsesMake(t *testing.T) {
	g := recordedWith(t, "dev", func(c *review.StackConfig) {
		using("", nil)(c)
		for key, value := range map[string]any{"attemptTimeout": "20s", "backoffBase": "500ms", "backoffCap": "10s",
			"foreignIdMember": "event_id", "maxAttempts": 100, "schemas": "enforce"} {
			in("processor", key, value)(c)
		}
	})
	variables := map[string]string{}
	for name, v := range find(t, g, "lambda.Function", "processor").At("environment", "variables").ObjectValue() {
		variables[string(name)] = v.StringValue()
	}
	env, err := settings.LoadProcessor(func(name string) (string, bool) { v, set := variables[name]; return v, set })
	if err != nil {
		t.Fatal(err)
	}
	if env.AttemptTimeout.String() != "20s" || env.BackoffBase.String() != "500ms" || env.BackoffCap.String() != "10s" ||
		env.ForeignIDMember != "event_id" || env.MaxAttempts != 100 || env.Schemas != "enforce" ||
		env.HandlersConcurrency != 8 {
		t.Errorf("the processor reads %+v", env)
	}
	if env.Secrets["SHOP_KEY"].SecretsManager != "shop/key" || !env.Secrets["LEDGER"].JSON ||
		env.Secrets["LEDGER"].Parameter != "/ledger/login" {
		t.Errorf("its secrets are %+v", env.Secrets)
	}
}

// A variable of a handler's must not be one of the programs' own, today's and tomorrow's.
func TestEachVariableOfTheProgramsIsTaken(t *testing.T) {
	api, processor := settings.Variables()
	for _, v := range slices.Concat(api, processor) {
		var f findings
		usesConfig{}.validateName(&f, "env", v.Name)
		if len(f) == 0 {
			t.Errorf("a handler may be given %s, which a program reads: add it to takenNames", v.Name)
		}
	}
}

func TestTheProgramsOwnVariablesLeaveTheHandlersTheirRoom(t *testing.T) {
	for _, stack := range stacks {
		size := 0
		for name, v := range find(t, recorded(t, stack, false), "lambda.Function",
			"processor").At("environment", "variables").ObjectValue() {
			size += len(name) + len(v.StringValue())
		}
		// The brokers' names are made up here; MSK's have up to 90 characters, and there are three at most.
		if size += 3 * 90; size > 4096-variableBytes {
			t.Errorf("%s: the program's own take %d bytes, and %d are left to them", stack, size, 4096-variableBytes)
		}
	}
}

func TestThePlanTellsWhatTheProcessorMayReach(t *testing.T) {
	var out bytes.Buffer
	if err := review.WritePlan(&out, recordedWith(t, "dev", using("", nil))); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"\nevent-processing-service-dev-event-processor may reach\n",
		"\n  anywhere-443                 Handlers by the NAT gateways: https, secrets, queues\n",
		"\n  postgres-5432                Handlers call postgres\n",
		"\n  s3-443                       Buckets of the handlers\n",
		"\n  secretsmanager:GetSecretValue\n    on arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/key-??????\n",
		"\n  s3:PutObject\n    on arn:aws:s3:::invoices/*\n",
		"\nits handlers are given the variables SHOP_URL\n",
		"\nits handlers are given the secrets LEDGER, SHOP_KEY\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the plan lacks %q", want)
		}
	}
}

func TestWhatAHandlerUsesAndCanNotReachIsFound(t *testing.T) {
	gone := func(short, name string) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) {
			find(t, g, short, name).Name, find(t, g, short, name).Type = "x", "x:x/x:X"
		}
	}
	withoutRight := func(right string) func(*testing.T, review.Graph) {
		return func(t *testing.T, g review.Graph) {
			n := find(t, g, "iam.RolePolicy", "processor")
			set(n, "policy", strings.ReplaceAll(n.Text("policy"), right, "x:X"))
		}
	}
	for _, tc := range []struct {
		cause string
		put   func(t *testing.T, g review.Graph)
		found string
	}{
		{"no rule to anywhere", gone("vpc.SecurityGroupEgressRule", "processor-to-anywhere-443"),
			"processor uses secrets, and its security group lets it out to no anywhere"},
		{"no rule to S3", gone("vpc.SecurityGroupEgressRule", "processor-to-s3-443"),
			"processor uses buckets, and its security group lets it out to no s3"},
		{"no rule to DynamoDB", gone("vpc.SecurityGroupEgressRule", "processor-to-dynamodb-443"),
			"processor uses tables, and its security group lets it out to no dynamodb"},
		{"no rule to the service", gone("vpc.SecurityGroupEgressRule", "processor-to-postgres-5432"),
			"processor uses services.postgres, and its security group lets it out to no sg-0123456789abcdef0"},
		{"no rule into the service", gone("vpc.SecurityGroupIngressRule", "postgres-from-processor-5432"),
			"processor is not let into postgres by its group sg-0123456789abcdef0"},
		{"no route", gone("ec2.Route", "private-b-nat"),
			"processor uses https, and ec2.Subnet-private-b has no route to a NAT gateway: set network.natGateways"},
		{"no endpoint", gone("ec2.VpcEndpoint", "s3"), "processor uses s3, and ec2.Subnet-private-a has no route to its"},
		{"a start before the rule", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "lambda.Function", "processor"), "processor-to-postgres-5432")
		}, "processor uses services.postgres, and may start before its rule"},
		{"no right to a secret", withoutRight("secretsmanager:GetSecretValue"), "processor may not read the secret SHOP_KEY"},
		{"no right to a parameter", withoutRight("ssm:GetParameter"), "processor may not read the parameter of LEDGER"},
		{"no right to a table", withoutRight("dynamodb:UpdateItem"),
			"processor may not do dynamodb:UpdateItem to arn:aws:dynamodb:us-east-1:123456789012:table/stock"},
		{"no right to a queue", withoutRight("sqs:SendMessage"), "processor may not do sqs:SendMessage to"},
		{"no right to a bucket's objects", withoutRight("s3:PutObject"),
			"processor may not do s3:PutObject to arn:aws:s3:::"},
		{"a right to another queue", withoutRight(":shipments"), "processor may not do sqs:SendMessage to"},
		{"no variable", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lambda.Function", "processor"), "environment", map[string]any{})
		}, "processor is not given SHOP_URL"},
		{"no place of a secret", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lambda.Function", "processor"), "environment", map[string]any{})
		}, "processor is not told where the secret LEDGER is"},
	} {
		t.Run(tc.cause, func(t *testing.T) {
			g := recordedWith(t, "dev", using("", nil))
			tc.put(t, g)
			if found := strings.Join(g.Findings(), "\n"); !strings.Contains(found,
				"what handlers use they can reach, and nothing else: "+tc.found) {
				t.Errorf("no finding says %q; there are\n%s", tc.found, found)
			}
		})
	}
}

func TestAWayThatNoHandlerUsesIsFound(t *testing.T) {
	g := recordedWith(t, "dev", using("", nil))
	g.Uses = recordedWith(t, "dev", asItIs).Uses // the file says nothing of what the program registered
	found := strings.Join(g.Findings(), "\n")
	for _, want := range []string{"processor may call anywhere on 443, and no handler uses it",
		"processor may call S3, and no handler uses a bucket", "processor may do sqs:SendMessage, and no handler uses it",
		"processor may do secretsmanager:GetSecretValue, and no handler uses it"} {
		if !strings.Contains(found, want) {
			t.Errorf("no finding says %q; there are\n%s", want, found)
		}
	}
}

func TestAnEncryptedValueOfTheProcessorsIsRefused(t *testing.T) {
	c := changed(t, "dev", using("", nil))
	c.Secrets = append(c.Secrets, ns+"processor")
	rec := &review.Recorder{}
	_, err := review.RecordConfig(root, "dev", c, offlineProgram(), rec)
	if err == nil || !strings.Contains(err.Error(), "processor: has an encrypted value") || len(rec.Nodes()) > 0 {
		t.Errorf("error is %v after %d resources", err, len(rec.Nodes()))
	}
}
