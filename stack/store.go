package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/dynamodb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Store is the table of outcomes.
type Store struct {
	pulumi.ResourceState

	TableName pulumi.StringOutput
	TableARN  pulumi.StringOutput

	key dataKey // of the table
}

// eventsTable is the table's name. name is the stack's.
func eventsTable(name string) string { return name + "-events" }

// storeConfig is empty for a stack with a table of its own, in its region alone.
type storeConfig struct {
	// Table is an existing table: a replica of another stack's table, or one that a backup was restored into. "": the
	// stack makes its own.
	Table string `json:"table,omitempty"`
	// Replicas are other regions, to which DynamoDB copies each write within a second or so.
	Replicas []string `json:"replicas,omitempty"`
}

// tablePattern matches the names of tables that DynamoDB accepts.
var tablePattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)

func (c storeConfig) validate(f *findings, region string) {
	f.require(c.Table == "" || tablePattern.MatchString(c.Table), "store.table", "must be a table's name, is %q", c.Table)
	f.require(c.Table == "" || len(c.Replicas) == 0, "store.replicas",
		"are those of a table that the stack makes, and store.table names another's: set them where %s is made", c.Table)
	for i, other := range c.Replicas {
		f.require(other != "", "store.replicas", "must be regions like us-west-2, is %q", other)
		requireOther(f, "store.replicas", other, region)
		f.require(!slices.Contains(c.Replicas[:i], other), "store.replicas", "lists %s twice", other)
	}
}

// eventsTable is the name of the table that the stack uses.
func (c config) eventsTable() string { return cmp.Or(c.Store.Table, eventsTable(c.Name)) }

type storeArgs struct {
	Name      string
	Protect   bool
	Region    string
	AccountID pulumi.StringInput
	Key       dataKey
	storeConfig
}

func newStore(ctx *pulumi.Context, name string, args storeArgs, opts ...pulumi.ResourceOption) (*Store, error) {
	s := &Store{}
	if err := register(ctx, "Store", name, s, opts); err != nil {
		return nil, err
	}
	if args.Table != "" {
		s.TableName = pulumi.String(args.Table).ToStringOutput()
		s.TableARN = pulumi.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", args.Region, args.AccountID, args.Table)
		return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"table": s.TableName})
	}
	replicas, stream := s.replicas(args)
	if len(args.Replicas) > 0 {
		args.Key = dataKey{} // a key works in its own region only, so replicas are encrypted with keys that AWS manages
	}
	table, err := dynamodb.NewTable(ctx, "events", &dynamodb.TableArgs{
		Name:        pulumi.String(eventsTable(args.Name)),
		BillingMode: pulumi.String("PAY_PER_REQUEST"), // no size to choose, no costs without events
		HashKey:     pulumi.String("pk"),
		Attributes: dynamodb.TableAttributeArray{&dynamodb.TableAttributeArgs{Name: pulumi.String("pk"),
			Type: pulumi.String("S")}},
		// The processor says how long it remembers an event; DynamoDB deletes it for nothing.
		Ttl:                  &dynamodb.TableTtlArgs{AttributeName: pulumi.String("expires_at"), Enabled: pulumi.Bool(true)},
		ServerSideEncryption: &dynamodb.TableServerSideEncryptionArgs{Enabled: pulumi.Bool(true), KmsKeyArn: args.Key.ID()},
		// On in every stack, though dev hardly needs it: a table that is deleted while this is on leaves a backup for 35
		// days. Before a stack is deleted, its protection is turned off, so this is the last safety.
		PointInTimeRecovery:       &dynamodb.TablePointInTimeRecoveryArgs{Enabled: pulumi.Bool(true)},
		DeletionProtectionEnabled: pulumi.Bool(args.Protect),
		Replicas:                  replicas, StreamEnabled: stream, StreamViewType: streamView(args.Replicas),
	}, keep(args.Protect, pulumi.Parent(s))...)
	if err != nil {
		return nil, fmt.Errorf("create events table: %w", err)
	}
	s.TableName, s.TableARN, s.key = table.Name, table.Arn, args.Key
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"table": s.TableName})
}

// replicas are the table's copies in other regions, and the stream that DynamoDB copies from.
func (s *Store) replicas(args storeArgs) (dynamodb.TableReplicaTypeArrayInput, pulumi.BoolPtrInput) {
	if len(args.Replicas) == 0 {
		return nil, nil
	}
	var all dynamodb.TableReplicaTypeArray
	for _, region := range args.Replicas {
		all = append(all, &dynamodb.TableReplicaTypeArgs{RegionName: pulumi.String(region),
			PointInTimeRecovery: pulumi.Bool(true), PropagateTags: pulumi.Bool(true)})
	}
	return all, pulumi.Bool(true)
}

// streamView is the view that replicas need.
func streamView(replicas []string) pulumi.StringPtrInput {
	if len(replicas) == 0 {
		return nil
	}
	return pulumi.String("NEW_AND_OLD_IMAGES")
}
