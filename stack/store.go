package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/dynamodb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Store is the table of what was processed.
type Store struct {
	pulumi.ResourceState

	TableName pulumi.StringOutput
	TableARN  pulumi.StringOutput
}

type storeArgs struct {
	Name    string
	Protect bool
}

func newStore(ctx *pulumi.Context, name string, args storeArgs, opts ...pulumi.ResourceOption) (*Store, error) {
	s := &Store{}
	if err := register(ctx, "Store", name, s, opts); err != nil {
		return nil, err
	}
	table, err := dynamodb.NewTable(ctx, "events", &dynamodb.TableArgs{
		Name:        pulumi.String(args.Name + "-events"),
		BillingMode: pulumi.String("PAY_PER_REQUEST"), // follows the events; nothing to size, nothing to pay at night
		HashKey:     pulumi.String("pk"),
		Attributes:  dynamodb.TableAttributeArray{&dynamodb.TableAttributeArgs{Name: pulumi.String("pk"), Type: pulumi.String("S")}},
		// The processor says how long it remembers an event; DynamoDB deletes it for nothing.
		Ttl:                  &dynamodb.TableTtlArgs{AttributeName: pulumi.String("expires_at"), Enabled: pulumi.Bool(true)},
		ServerSideEncryption: &dynamodb.TableServerSideEncryptionArgs{Enabled: pulumi.Bool(true)},
		// Everywhere, though dev hardly needs it: a table deleted with this on leaves a backup behind for 35 days, and a
		// stack that is torn down has its protection off by then.
		PointInTimeRecovery:       &dynamodb.TablePointInTimeRecoveryArgs{Enabled: pulumi.Bool(true)},
		DeletionProtectionEnabled: pulumi.Bool(args.Protect),
	}, keep(args.Protect, pulumi.Parent(s))...)
	if err != nil {
		return nil, fmt.Errorf("create events table: %w", err)
	}
	s.TableName, s.TableARN = table.Name, table.Arn
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"table": s.TableName})
}
