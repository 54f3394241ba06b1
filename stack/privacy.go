package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/dynamodb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// privacyConfig chooses whose data can be forgotten (docs/privacy.md). Without it there are no keys of subjects.
type privacyConfig struct {
	// EncryptTypes are event types, or what they begin with and an asterisk. An empty list encrypts nothing more, and what
	// is encrypted already can be read.
	EncryptTypes []string `json:"encryptTypes"`
}

// encryptPattern is what the programs take: see SHREDDED_TYPES.
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

// subjectKeys is what the table, the key of KMS and its alias are called, by the name of the stack's resources.
func subjectKeys(name string) string { return name + "-subject-keys" }

// url is where programs find the keys. It names the KMS key by its alias, which a preview knows.
func (c *privacyConfig) url(name string) string {
	return "dynamodb://" + subjectKeys(name) + "?kms=alias/" + subjectKeys(name)
}

// variables are what the API and the processors are given; none without privacy.
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

// outside is the way from a processor to KMS, which has no fixed addresses.
func (c *privacyConfig) outside() []string {
	if c == nil {
		return nil
	}
	return []string{"privacy"}
}

// Privacy is the table of subjects' keys, and the key of KMS that wraps them.
type Privacy struct {
	pulumi.ResourceState

	// Both are "" without keys. Whoever has a policy made of them begins when all is there.
	TableARN, KeyARN pulumi.StringOutput
}

type privacyArgs struct {
	Name      string
	Protect   bool
	AccountID pulumi.StringOutput
	Key       dataKey
}

// noPrivacy is what the service has without keys.
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
		EnableKeyRotation:    pulumi.Bool(true), // what was wrapped before can be unwrapped all the same
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
		// keeps three copies in three zones; against a mistake there is this, and that nobody has the right to delete items.
		DeletionProtectionEnabled: pulumi.Bool(args.Protect),
	}, keep(args.Protect, pulumi.Parent(p))...)
	if err != nil {
		return nil, fmt.Errorf("create table of subjects' keys: %w", err)
	}
	p.TableARN = table.Arn
	p.KeyARN = pulumi.All(key.Arn, alias.Arn).ApplyT(func(v []any) string { return v[0].(string) }).(pulumi.StringOutput)
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"table": table.Name})
}

// subjectKeyPolicy leaves the rights to IAM, but for one thing that nobody may: to use the key for anything else than
// keys that were made for a table of this name.
func subjectKeyPolicy(account, table string) document {
	return policy(accountKeyPolicy(account).Statement[0], statement{Sid: "OnlyKeysOfTheTable", Effect: "Deny",
		Principal: map[string]string{"AWS": "*"}, Resource: []string{"*"},
		Action: []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
			"kms:ReEncryptFrom", "kms:ReEncryptTo"},
		Condition: map[string]map[string]string{"StringNotEquals": {tableContext: table}}})
}

// tableContext is the part of KMS's encryption context that names the table.
const tableContext = "kms:EncryptionContext:table"

// withSubjectKeys lets a role read and make keys of subjects. Both are "" without them.
func (d document) withSubjectKeys(table, key string) document {
	if table == "" {
		return d
	}
	use := allow("WrapSubjectKeys", []string{key}, "kms:Decrypt", "kms:GenerateDataKey")
	use.Condition = map[string]map[string]string{"StringEquals": {tableContext: tableName(table)}}
	d.Statement = append(d.Statement, allow("SubjectKeys", []string{table}, "dynamodb:GetItem", "dynamodb:PutItem"), use)
	return d
}

// withForgetting lets a role delete keys of subjects, and what outcomes quote of data. Without the key of KMS it can't
// read what it has not deleted. What is deleted leaves its id behind, so it is a put and no deletion.
func (d document) withForgetting(keys, outcomes string) document {
	d.Statement = append(d.Statement, allow("ForgetSubjects", []string{keys}, "dynamodb:GetItem", "dynamodb:PutItem"),
		allow("ForgetReasons", []string{outcomes}, "dynamodb:GetItem", "dynamodb:UpdateItem"))
	return d
}

func tableName(arn string) string {
	_, name, _ := strings.Cut(arn, ":table/")
	return name
}

// privacyAlarms are of the table's refusals; that the keys can't be read at all is an error of the API's and of the
// processors', which have alarms.
func privacyAlarms(c config) []alarm {
	if c.Privacy == nil {
		return nil
	}
	return []alarm{{Kind: "subject-keys-throttles", What: "DynamoDB refuses reads or writes of the table of keys.",
		Math: filled("0", 0, 1), Inputs: []metric{tableMetric("ReadThrottleEvents", subjectKeys(c.Name)),
			tableMetric("WriteThrottleEvents", subjectKeys(c.Name))},
		Threshold: 0, Of: 3, In: 5, MissingMeans: quietIsGood}}
}
