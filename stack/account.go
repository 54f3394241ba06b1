package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cfg"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/guardduty"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/inspector2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/securityhub"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// accountConfig is set in one stack of an AWS account: that stack watches the whole account.
type accountConfig struct {
	GuardDuty   bool `json:"guardDuty,omitempty"`   // threats, in AWS's own logs
	Inspector   bool `json:"inspector,omitempty"`   // known vulnerabilities of images and functions
	Config      bool `json:"config,omitempty"`      // what was changed, when
	SecurityHub bool `json:"securityHub,omitempty"` // all findings, and AWS's and CIS's rules
}

func (a accountConfig) validate(f *findings) {
	f.require(a.GuardDuty || a.Inspector || a.Config || a.SecurityHub, "account", "turns on nothing")
	f.require(!a.SecurityHub || a.Config, "account.securityHub",
		"needs account.config: its rules read what Config has recorded")
}

const (
	configPurpose = "config-history"
	configDays    = 400 // more than a year, so that what changed since the last review is known
)

// Account is the services that watch an account.
type Account struct {
	pulumi.ResourceState
}

// deployAccount registers the stack of the account.
func (p *program) deployAccount(ctx *pulumi.Context) error {
	var account accountConfig
	c, err := loadAside(ctx, p.given, "account", &account, func(f *findings) { account.validate(f) })
	if err != nil {
		return err
	}
	cloud, err := newProvider(ctx, c, "aws", c.Region)
	if err != nil {
		return err
	}
	a := &Account{}
	if err := register(ctx, "Account", "account", a, []pulumi.ResourceOption{pulumi.Providers(cloud)}); err != nil {
		return err
	}
	child := pulumi.Parent(a)
	id := aws.GetCallerIdentityOutput(ctx, aws.GetCallerIdentityOutputArgs{}, child).AccountId()
	if account.GuardDuty {
		if _, err := guardduty.NewDetector(ctx, "threats", &guardduty.DetectorArgs{Enable: pulumi.Bool(true),
			FindingPublishingFrequency: pulumi.String("FIFTEEN_MINUTES")}, child); err != nil {
			return fmt.Errorf("enable GuardDuty: %w", err)
		}
	}
	if account.Inspector {
		if _, err := inspector2.NewEnabler(ctx, "faults", &inspector2.EnablerArgs{AccountIds: pulumi.StringArray{id},
			ResourceTypes: pulumi.ToStringArray([]string{"ECR", "LAMBDA"})}, child); err != nil {
			return fmt.Errorf("enable Inspector: %w", err)
		}
	}
	var recording pulumi.Resource
	if account.Config {
		if recording, err = a.record(ctx, c, id, child); err != nil {
			return err
		}
	}
	if account.SecurityHub {
		if err := a.hub(ctx, c, recording, child); err != nil {
			return err
		}
	}
	return ctx.RegisterResourceOutputs(a, pulumi.Map{})
}

// record lets AWS Config write down each change of each resource.
func (a *Account) record(ctx *pulumi.Context, c config, id pulumi.StringOutput, child pulumi.ResourceOption) (
	pulumi.Resource, error) {
	bucket, policy, err := newBucket(ctx, bucketArgs{Name: c.Name, Purpose: configPurpose, Protect: c.Protect,
		AccountID: id, Region: c.Region, Writer: configDelivery, KeepDays: configDays}, child)
	if err != nil {
		return nil, err
	}
	role, err := iam.NewServiceLinkedRole(ctx, "config", &iam.ServiceLinkedRoleArgs{
		AwsServiceName: pulumi.String(configDelivery)}, child)
	if err != nil {
		return nil, fmt.Errorf("create role of Config: %w", err)
	}
	recorder, err := cfg.NewRecorder(ctx, "changes", &cfg.RecorderArgs{Name: pulumi.String(c.Name), RoleArn: role.Arn,
		RecordingGroup: &cfg.RecorderRecordingGroupArgs{AllSupported: pulumi.Bool(true),
			IncludeGlobalResourceTypes: pulumi.Bool(true)}}, child)
	if err != nil {
		return nil, fmt.Errorf("create recorder of Config: %w", err)
	}
	channel, err := cfg.NewDeliveryChannel(ctx, "changes", &cfg.DeliveryChannelArgs{Name: pulumi.String(c.Name),
		S3BucketName: bucket.Bucket}, child, pulumi.DependsOn([]pulumi.Resource{policy, recorder}))
	if err != nil {
		return nil, fmt.Errorf("create delivery channel of Config: %w", err)
	}
	// A recorder can't start without a delivery channel, and the channel can't be deleted while the recorder runs.
	status, err := cfg.NewRecorderStatus(ctx, "changes", &cfg.RecorderStatusArgs{Name: recorder.Name,
		IsEnabled: pulumi.Bool(true)}, child, pulumi.DependsOn([]pulumi.Resource{channel}))
	if err != nil {
		return nil, fmt.Errorf("start recorder of Config: %w", err)
	}
	return status, nil
}

// hub gathers the findings of the other services, and checks AWS's own rules and those of CIS.
func (a *Account) hub(ctx *pulumi.Context, c config, recording pulumi.Resource, child pulumi.ResourceOption) error {
	hub, err := securityhub.NewAccount(ctx, "findings", &securityhub.AccountArgs{
		EnableDefaultStandards: pulumi.Bool(false), AutoEnableControls: pulumi.Bool(true),
		ControlFindingGenerator: pulumi.String("SECURITY_CONTROL"), // one finding where two standards have the same rule
	}, child, pulumi.DependsOn([]pulumi.Resource{recording}))
	if err != nil {
		return fmt.Errorf("enable Security Hub: %w", err)
	}
	for name, standard := range map[string]string{"foundational": "aws-foundational-security-best-practices/v/1.0.0",
		"cis": "cis-aws-foundations-benchmark/v/3.0.0"} {
		if _, err := securityhub.NewStandardsSubscription(ctx, name, &securityhub.StandardsSubscriptionArgs{
			StandardsArn: pulumi.String("arn:aws:securityhub:" + c.Region + "::standards/" + standard),
		}, child, pulumi.DependsOn([]pulumi.Resource{hub})); err != nil {
			return fmt.Errorf("subscribe to standard %s: %w", name, err)
		}
	}
	return nil
}
