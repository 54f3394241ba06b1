package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/dynamodb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// privacyConfig chooses which events can be forgotten (docs/privacy.md). Without it there are no keys of subjects.
type privacyConfig struct {
	// EncryptTypes are event types, or beginnings of types with an asterisk. With an empty list no further data is
	// encrypted, and encrypted data can still be read.
	EncryptTypes []string `json:"encryptTypes"`
}

// encryptPattern is what the programs accept: see SHREDDED_TYPES.
var encryptPattern = regexp.MustCompile(`^([^*,\s]+|[^*,\s]+\.\*)$`)

func (c *privacyConfig) validate(f *findings) {
	if c == nil {
		return
	}
	for _, pattern := range c.EncryptTypes {
		f.require(encryptPattern.MatchString(pattern), "privacy.encryptTypes",
			"must be event types such as order.created or customer.*, is %q", pattern)
	}
}

// subjectKeys is the name of the table, of the KMS key's alias and of the key. name is the stack's.
func subjectKeys(name string) string { return name + "-subject-keys" }

// url is where programs find the keys. It names the KMS key by its alias, which a preview knows.
func (c *privacyConfig) url(name string) string {
	return "dynamodb://" + subjectKeys(name) + "?kms=alias/" + subjectKeys(name)
}

// variables are for the API and the processors; none without privacy.
func (c *privacyConfig) variables(name string) map[string]string {
	if c == nil {
		return nil
	}
	variables := map[string]string{"SUBJECT_KEYS": c.url(name)}
	if len(c.EncryptTypes) > 0 {
		variables["SHREDDED_TYPES"] = strings.Join(c.EncryptTypes, ",")
	}
	return variables
}

// operatorVariables are what `eventctl forget` needs: the keys, and the outcomes, which may quote data.
func (c *privacyConfig) operatorVariables(name, table string) map[string]string {
	if c == nil {
		return nil
	}
	return map[string]string{"SUBJECT_KEYS": c.url(name), "STORE": "dynamodb", "EVENTS_TABLE": table}
}

// outside is the peer through which a processor reaches KMS, which has no fixed addresses.
func (c *privacyConfig) outside() []string {
	if c == nil {
		return nil
	}
	return []string{"privacy"}
}

// Privacy is the table of subjects' keys, and the key of KMS that wraps them.
type Privacy struct {
	pulumi.ResourceState

	// Both are "" without keys. They are known only when table, key and alias exist.
	TableARN, KeyARN pulumi.StringOutput
}

type privacyArgs struct {
	Name      string
	Protect   bool
	AccountID pulumi.StringOutput
	Key       dataKey
}

// noPrivacy is the value of a stack without keys of subjects.
func noPrivacy() *Privacy {
	none := pulumi.String("").ToStringOutput()
	return &Privacy{TableARN: none, KeyARN: none}
}

func newPrivacy(ctx *pulumi.Context, name string, args privacyArgs, opts ...pulumi.ResourceOption) (*Privacy, error) {
	p := &Privacy{}
	if err := register(ctx, "Privacy", name, p, opts); err != nil {
		return nil, err
	}
	physical := subjectKeys(args.Name)
	window := 7 // days in which a deleted key can be brought back; 7 to 30
	if args.Protect {
		window = 30
	}
	key, err := kms.NewKey(ctx, "subject-keys", &kms.KeyArgs{
		Description:          pulumi.String(args.Name + ": keys of subjects"),
		EnableKeyRotation:    pulumi.Bool(true), // what older versions of the key wrapped can still be unwrapped
		DeletionWindowInDays: pulumi.Int(window),
		Policy: policyOf(func(arns []string) document { return subjectKeyPolicy(arns[0], physical) },
			args.AccountID),
	}, keep(args.Protect, pulumi.Parent(p))...)
	if err != nil {
		return nil, fmt.Errorf("create key of subjects' keys: %w", err)
	}
	alias, err := kms.NewAlias(ctx, "subject-keys", &kms.AliasArgs{Name: pulumi.String("alias/" + physical),
		TargetKeyId: key.ID()}, pulumi.Parent(p))
	if err != nil {
		return nil, fmt.Errorf("create alias of key of subjects' keys: %w", err)
	}
	table, err := dynamodb.NewTable(ctx, "subject-keys", &dynamodb.TableArgs{
		Name: pulumi.String(physical), BillingMode: pulumi.String("PAY_PER_REQUEST"), HashKey: pulumi.String("pk"),
		Attributes: dynamodb.TableAttributeArray{&dynamodb.TableAttributeArgs{Name: pulumi.String("pk"),
			Type: pulumi.String("S")}},
		ServerSideEncryption: &dynamodb.TableServerSideEncryptionArgs{Enabled: pulumi.Bool(true), KmsKeyArn: args.Key.ID()},
		// No recovery to a point in time, no backups, no stream and no replica: each would bring a forgotten key back. AWS
		// keeps three copies in three zones. This setting, and that nobody may delete items, protect against mistakes.
		DeletionProtectionEnabled: pulumi.Bool(args.Protect),
	}, keep(args.Protect, pulumi.Parent(p))...)
	if err != nil {
		return nil, fmt.Errorf("create table of subjects' keys: %w", err)
	}
	p.TableARN = table.Arn
	p.KeyARN = pulumi.All(key.Arn, alias.Arn).ApplyT(func(v []any) string { return v[0].(string) }).(pulumi.StringOutput)
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"table": table.Name})
}

// subjectKeyPolicy leaves rights to IAM, with one exception: nobody may use the key for anything but keys of the table
// of this name.
func subjectKeyPolicy(account, table string) document {
	return policy(accountKeyPolicy(account).Statement[0], statement{Sid: "OnlyKeysOfTheTable", Effect: "Deny",
		Principal: map[string]string{"AWS": "*"}, Resource: []string{"*"},
		Action: []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
			"kms:ReEncryptFrom", "kms:ReEncryptTo"},
		Condition: map[string]map[string]string{"StringNotEquals": {tableContext: table}}})
}

// wrapKeys is what is done with the key that wraps those of subjects.
var wrapKeys = []string{"kms:Decrypt", "kms:GenerateDataKey"}

// tableContext is the part of KMS's encryption context that names the table.
const tableContext = "kms:EncryptionContext:table"

// withSubjectKeys lets a role read and make keys of subjects. Both are "" without them.
func (d document) withSubjectKeys(table, key string) document {
	if table == "" {
		return d
	}
	use := allow("WrapSubjectKeys", []string{key}, wrapKeys...)
	use.Condition = map[string]map[string]string{"StringEquals": {tableContext: tableName(table)}}
	d.Statement = append(d.Statement, allow("SubjectKeys", []string{table}, "dynamodb:GetItem", "dynamodb:PutItem"), use)
	return d
}

// withForgetting lets a role delete keys of subjects, and quotes of data in outcomes. It has no right to the KMS key,
// so the role can't read other subjects' data. A deleted key leaves its id behind, so forgetting is a put and no
// deletion.
func (d document) withForgetting(keys, outcomes string) document {
	d.Statement = append(d.Statement, allow("ForgetSubjects", []string{keys}, "dynamodb:GetItem", "dynamodb:PutItem"),
		allow("ForgetReasons", []string{outcomes}, "dynamodb:GetItem", "dynamodb:UpdateItem"))
	return d
}

func tableName(arn string) string {
	_, name, _ := strings.Cut(arn, ":table/")
	return name
}

// privacyAlarms are about requests that the table refuses. Keys that can't be read at all are errors of the API and of
// the processors, which have alarms.
func privacyAlarms(c config) []alarm {
	if c.Privacy == nil {
		return nil
	}
	return []alarm{{Kind: "subject-keys-throttles", What: "DynamoDB refuses reads or writes of the table of keys.",
		Math: filled("0", 0, 1), Inputs: []metric{tableMetric("ReadThrottleEvents", subjectKeys(c.Name)),
			tableMetric("WriteThrottleEvents", subjectKeys(c.Name))},
		Threshold: 0, Of: 3, In: 5, MissingMeans: quietIsGood}}
}
