package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// encryptionConfig is optional, and so is its member.
type encryptionConfig struct {
	// CustomerKeys encrypts everything that can be with the stack's own key. By default only the brokers' disks and the
	// alarm topic are.
	CustomerKeys bool `json:"customerKeys,omitempty"`
}

// Encryption is the one customer-managed key. It encrypts the brokers' disks and the alarm topic, and by choice
// everything else that can be. AWS's own keys cost nothing and need no rights, but nobody can revoke them or see who
// used them.
type Encryption struct {
	pulumi.ResourceState

	AccountID pulumi.StringOutput
	KeyARN    pulumi.StringOutput
	Data      dataKey
}

type encryptionArgs struct {
	Name    string
	Region  string
	Protect bool
	Budget  bool // a budget is watched, and its alerts go to the alarm topic, too
	encryptionConfig
}

// dataKey is the key that encrypts the stack's data. The zero value is AWS's own keys.
type dataKey struct{ arn *pulumi.StringOutput }

// ID is for a resource's property: nil for AWS's own key.
func (k dataKey) ID() pulumi.StringPtrInput {
	if k.arn == nil {
		return nil
	}
	return k.arn.ToStringPtrOutput()
}

// ARN is for policies (see document.withKey): "" for AWS's own key.
func (k dataKey) ARN() pulumi.StringOutput {
	if k.arn == nil {
		return pulumi.String("").ToStringOutput()
	}
	return *k.arn
}

func newEncryption(ctx *pulumi.Context, name string, args encryptionArgs, opts ...pulumi.ResourceOption) (*Encryption,
	error) {
	e := &Encryption{}
	if err := register(ctx, "Encryption", name, e, opts); err != nil {
		return nil, err
	}
	// The account is asked for, and not taken from a resource: so a preview knows it, and shows policies and names with
	// it.
	account := aws.GetCallerIdentityOutput(ctx, aws.GetCallerIdentityOutputArgs{}, pulumi.Parent(e))
	e.AccountID = account.AccountId()
	window := 7 // days in which a deleted key can be brought back; 7 to 30
	if args.Protect {
		window = 30
	}
	purpose := ": brokers' disks and the alarm topic"
	if args.CustomerKeys {
		purpose = ": all data"
	}
	key, err := kms.NewKey(ctx, "key", &kms.KeyArgs{
		Description:          pulumi.String(args.Name + purpose),
		EnableKeyRotation:    pulumi.Bool(true),
		DeletionWindowInDays: pulumi.Int(window),
		Policy: policyOf(func(arns []string) document {
			return keyPolicy(arns[0], args.Region, args.Name, args.CustomerKeys, args.Budget)
		}, e.AccountID),
	}, keep(args.Protect, pulumi.Parent(e))...)
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	if _, err := kms.NewAlias(ctx, "key", &kms.AliasArgs{Name: pulumi.String("alias/" + args.Name), TargetKeyId: key.ID()},
		pulumi.Parent(e)); err != nil {
		return nil, fmt.Errorf("create alias of key: %w", err)
	}
	e.KeyARN = key.Arn
	if args.CustomerKeys {
		e.Data = dataKey{&e.KeyARN}
	}
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{"keyArn": e.KeyARN})
}
