package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Encryption is the one customer-managed key, of the brokers' disks and the alarm topic. The table, the secret, the
// images and the buckets use keys that AWS manages: they cost nothing and need no rights of their own.
type Encryption struct {
	pulumi.ResourceState

	KeyARN pulumi.StringOutput
}

type encryptionArgs struct {
	Name      string
	Protect   bool
	AccountID pulumi.StringInput
}

func newEncryption(ctx *pulumi.Context, name string, args encryptionArgs, opts ...pulumi.ResourceOption) (*Encryption, error) {
	e := &Encryption{}
	if err := register(ctx, "Encryption", name, e, opts); err != nil {
		return nil, err
	}
	window := 7 // days in which a deleted key can be brought back; 7 to 30
	if args.Protect {
		window = 30
	}
	key, err := kms.NewKey(ctx, "key", &kms.KeyArgs{
		Description:          pulumi.String(args.Name + ": brokers' disks and the alarm topic"),
		EnableKeyRotation:    pulumi.Bool(true),
		DeletionWindowInDays: pulumi.Int(window),
		Policy:               policyOf(func(arns []string) document { return keyPolicy(arns[0]) }, args.AccountID),
	}, keep(args.Protect, pulumi.Parent(e))...)
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	if _, err := kms.NewAlias(ctx, "key", &kms.AliasArgs{Name: pulumi.String("alias/" + args.Name), TargetKeyId: key.ID()}, pulumi.Parent(e)); err != nil {
		return nil, fmt.Errorf("create alias of key: %w", err)
	}
	e.KeyARN = key.Arn
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{"keyArn": e.KeyARN})
}
