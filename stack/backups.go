package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/backup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// backupConfig is optional: by default AWS Backup keeps nothing. Point-in-time recovery does not depend on it.
type backupConfig struct {
	Enabled      bool   `json:"enabled,omitempty"`
	CopyTo       string `json:"copyTo,omitempty"`       // another region, which gets a copy of each backup; "" is none
	RestoreTests bool   `json:"restoreTests,omitempty"` // restore the newest backup once a month, and delete it
}

func (c backupConfig) validate(f *findings, region string) {
	f.require(c.Enabled || (c.CopyTo == "" && !c.RestoreTests), "backup.enabled",
		"is not true, and backup.copyTo and backup.restoreTests need backups")
	requireOther(f, "backup.copyTo", c.CopyTo, region)
}

// Backups are copies of the events table that outlive it.
type Backups struct {
	pulumi.ResourceState

	VaultName string
}

type backupsArgs struct {
	Name      string
	Protect   bool
	Region    string
	AccountID pulumi.StringInput
	Store     *Store
	Retention retentionConfig
	Elsewhere elsewhere
	backupConfig
}

// backupVault is the name of the vault. name is the stack's.
func backupVault(name string) string { return name + "-backups" }

func newBackups(ctx *pulumi.Context, name string, args backupsArgs, opts ...pulumi.ResourceOption) (*Backups, error) {
	b := &Backups{VaultName: backupVault(args.Name)}
	if err := register(ctx, "Backups", name, b, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(b)
	vault, err := b.vault(ctx, "backups", args, child)
	if err != nil {
		return nil, err
	}
	vaults := pulumi.StringArray{vault.Arn}
	if args.CopyTo != "" {
		other, err := b.vault(ctx, "backups-"+args.CopyTo, args, child, pulumi.Provider(args.Elsewhere[args.CopyTo]))
		if err != nil {
			return nil, err
		}
		vaults = append(vaults, other.Arn)
	}
	plan, err := b.plan(ctx, args, vault, vaults)
	if err != nil {
		return nil, err
	}
	known := append(pulumi.StringArray{args.Store.TableARN, args.AccountID, args.Store.key.ARN()}, vaults...)
	maker, err := newRole(ctx, "backup", args.Name+"-backup", "backup.amazonaws.com",
		policyOf(func(arns []string) document {
			return backupPolicy(arns[0], arns[1], args.Region, arns[3:]).withKey(arns[2])
		}, known...), child)
	if err != nil {
		return nil, err
	}
	if _, err := backup.NewSelection(ctx, "events", &backup.SelectionArgs{
		Name: pulumi.String("events"), PlanId: plan.ID(), IamRoleArn: maker.ARN,
		Resources: pulumi.StringArray{args.Store.TableARN},
	}, child, pulumi.DependsOn([]pulumi.Resource{maker.Policy})); err != nil {
		return nil, fmt.Errorf("select the events table for backups: %w", err)
	}
	// The role is made without restore tests, too: after a loss nobody has time to write policies.
	restorer, err := newRole(ctx, "restore", args.Name+"-restore", "backup.amazonaws.com",
		policyOf(func(arns []string) document { return restorePolicy(arns[0], args.CopyTo).withKey(arns[1]) },
			args.Store.TableARN, args.Store.key.ARN()), child)
	if err != nil {
		return nil, err
	}
	if args.RestoreTests {
		if err := b.restoreTests(ctx, args, vault, restorer); err != nil {
			return nil, err
		}
	}
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{"vault": vault.Name})
}

// vault makes the vault for backups. It is encrypted with the key that AWS Backup manages, which costs nothing. Copies
// in another region are encrypted with that region's key.
func (b *Backups) vault(ctx *pulumi.Context, name string, args backupsArgs, opts ...pulumi.ResourceOption) (
	*backup.Vault, error,
) {
	vault, err := backup.NewVault(ctx, name, &backup.VaultArgs{
		Name: pulumi.String(b.VaultName), ForceDestroy: pulumi.Bool(!args.Protect),
	}, keep(args.Protect, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("create vault %s: %w", name, err)
	}
	return vault, nil
}

// plan makes a backup each day, and one on the first of each month that is kept longer. Each is a full copy, and is
// charged as one.
func (b *Backups) plan(ctx *pulumi.Context, args backupsArgs, vault *backup.Vault, vaults pulumi.StringArray) (
	*backup.Plan, error,
) {
	rule := func(name, schedule string, days int) *backup.PlanRuleArgs {
		r := &backup.PlanRuleArgs{
			RuleName: pulumi.String(name), TargetVaultName: vault.Name, Schedule: pulumi.String(schedule),
			// In minutes: AWS starts within the hour, and gives up after six hours.
			StartWindow: pulumi.Int(60), CompletionWindow: pulumi.Int(360),
			Lifecycle: &backup.PlanRuleLifecycleArgs{DeleteAfter: pulumi.Int(days)},
		}
		copies := backup.PlanRuleCopyActionArray{}
		for _, other := range vaults[1:] {
			copies = append(copies, &backup.PlanRuleCopyActionArgs{DestinationVaultArn: other,
				Lifecycle: &backup.PlanRuleCopyActionLifecycleArgs{DeleteAfter: pulumi.Int(days)}})
		}
		if len(copies) > 0 {
			r.CopyActions = copies
		}
		return r
	}
	plan, err := backup.NewPlan(ctx, "backups", &backup.PlanArgs{
		Name: pulumi.String(b.VaultName),
		Rules: backup.PlanRuleArray{rule("daily", "cron(0 5 * * ? *)", args.Retention.BackupDays),
			rule("monthly", "cron(0 7 1 * ? *)", args.Retention.MonthlyBackupDays)},
	}, pulumi.Parent(b))
	if err != nil {
		return nil, fmt.Errorf("create backup plan: %w", err)
	}
	return plan, nil
}

// restoreTests restores the newest backup each month into a table of its own, which AWS deletes afterwards.
func (b *Backups) restoreTests(ctx *pulumi.Context, args backupsArgs, vault *backup.Vault, restorer role) error {
	child := pulumi.Parent(b)
	underscores := strings.ReplaceAll(args.Name, "-", "_") // the only other character that AWS accepts
	tests, err := backup.NewRestoreTestingPlan(ctx, "restore", &backup.RestoreTestingPlanArgs{
		Name: pulumi.String(underscores + "_restore"), ScheduleExpression: pulumi.String("cron(0 9 2 * ? *)"),
		StartWindowHours: pulumi.Int(4),
		RecoveryPointSelection: &backup.RestoreTestingPlanRecoveryPointSelectionArgs{
			Algorithm: pulumi.String("LATEST_WITHIN_WINDOW"), SelectionWindowDays: pulumi.Int(7),
			IncludeVaults: pulumi.StringArray{vault.Arn}, RecoveryPointTypes: pulumi.ToStringArray([]string{"SNAPSHOT"}),
		},
	}, child)
	if err != nil {
		return fmt.Errorf("create plan of restore tests: %w", err)
	}
	if _, err := backup.NewRestoreTestingSelection(ctx, "events", &backup.RestoreTestingSelectionArgs{
		Name: pulumi.String("events"), RestoreTestingPlanName: tests.Name, IamRoleArn: restorer.ARN,
		ProtectedResourceType: pulumi.String("DynamoDB"), ProtectedResourceArns: pulumi.StringArray{args.Store.TableARN},
	}, child, pulumi.DependsOn([]pulumi.Resource{restorer.Policy})); err != nil {
		return fmt.Errorf("select the events table for restore tests: %w", err)
	}
	return nil
}

// backupPolicy is what AWS Backup does with the table and the vaults. Source: the part about DynamoDB of AWS's own
// AWSBackupServiceRolePolicyForBackup.
func backupPolicy(table, account, region string, vaults []string) document {
	return policy(
		allow("BackUpTable", []string{table}, "dynamodb:CreateBackup", "dynamodb:DescribeTable",
			"dynamodb:ListTagsOfResource", "dynamodb:StartAwsBackupJob"),
		allow("ManageBackups", []string{table + "/backup/*"}, "dynamodb:DeleteBackup", "dynamodb:DescribeBackup"),
		allow("UseVaults", vaults, "backup:CopyFromBackupVault", "backup:CopyIntoBackupVault",
			"backup:DescribeBackupVault"),
		allow("TagBackups", []string{"arn:aws:backup:" + region + ":" + account + ":recovery-point:*"},
			"backup:TagResource"),
	)
}

// restorePolicy lets AWS Backup write a backup into a new table: one of a restore test, or one whose name begins with
// the table's name. copyTo is the other region with backups; "" is none.
func restorePolicy(table, copyTo string) document {
	inRegion := func(region string) string {
		parts := strings.Split(table, ":")
		parts[3] = region
		return strings.Join(parts, ":")
	}
	base, _, _ := strings.Cut(table, ":table/")
	targets := []string{table + "*", base + ":table/awsbackup-restore-test-*"}
	if copyTo != "" {
		targets = append(targets, inRegion(copyTo)+"*")
	}
	return policy(
		allow("RestoreTable", targets, "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable",
			"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:RestoreTableFromAwsBackup",
			"dynamodb:RestoreTableFromBackup", "dynamodb:Scan", "dynamodb:UpdateItem"),
	)
}
