package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// readFromConfig names an archive that the operator's tool reads in place of the stack's own: the copies of a stack in
// another region, which that stack keeps in this region.
type readFromConfig struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key,omitempty"` // ARN of the customer's key, if there is one
}

// copiesPurpose is the part of the name of the bucket with the copies that stands before the account.
func copiesPurpose(region string) string { return archivePurpose + "-" + region }

func (c archiveConfig) validateCopies(f *findings, name, region string) {
	requireOther(f, "archive.replicateTo", c.ReplicateTo, region)
	f.require(c.ReplicateTo == "" || c.Enabled, "archive.replicateTo", "is set, and archive.enabled is not")
	bucket := bucketName(name, copiesPurpose(c.ReplicateTo), "123456789012")
	f.require(c.ReplicateTo == "" || len(bucket) <= 63, "archive.replicateTo", "the bucket %s would have %d characters, "+
		"more than 63", bucket, len(bucket))
	if from := c.ReadFrom; from != nil {
		f.require(bucketPattern.MatchString(from.Bucket), "archive.readFrom.bucket", "must be a bucket's name, is %q",
			from.Bucket)
		key := keyARN.FindStringSubmatch(from.Key)
		f.require(from.Key == "" || (key != nil && key[1] == region), "archive.readFrom.key",
			"must be the ARN of a key in %s, where the bucket is, is %q", region, from.Key)
	}
}

// replicate copies each new object to a bucket in another region. This stack owns that bucket, so the copies stay when
// the stack of the other region is deleted.
func (a *Archive) replicate(ctx *pulumi.Context, args archiveArgs, from *s3.BucketV2,
	versions *s3.BucketVersioningV2) error {
	region := args.ReplicateTo
	there := pulumi.Composite(a.child, pulumi.Provider(args.Elsewhere[region]))
	var key dataKey
	if args.Key.arn != nil { // a key works in its own region only
		made, err := a.copiesKey(ctx, args, there)
		if err != nil {
			return err
		}
		key = dataKey{&made.Arn}
		a.CopiesKey = made.Arn
	}
	to, copied, err := a.bucket(ctx, copiesPurpose(region), args, key, there)
	if err != nil {
		return err
	}
	a.Copies = to.Bucket
	return copyBucket(ctx, bucketCopy{name: archivePurpose, role: "archive-replication",
		physical: args.Name + "-archive-replication", from: from, to: to, versions: versions, copied: copied,
		region: args.Region, other: region, fromKey: args.Key, toKey: key, lockable: true, watched: true}, a.child)
}

func (a *Archive) copiesKey(ctx *pulumi.Context, args archiveArgs, there pulumi.ResourceOption) (*kms.Key, error) {
	name, window := copiesPurpose(args.ReplicateTo), 7
	if args.Protect {
		window = 30
	}
	key, err := kms.NewKey(ctx, name, &kms.KeyArgs{
		Description:       pulumi.String(args.Name + ": copies of the archive"),
		EnableKeyRotation: pulumi.Bool(true), DeletionWindowInDays: pulumi.Int(window),
		Policy: policyOf(func(arns []string) document { return accountKeyPolicy(arns[0]) }, args.AccountID),
	}, keep(args.Protect, there)...)
	if err != nil {
		return nil, fmt.Errorf("create key of the archive's copies: %w", err)
	}
	if _, err := kms.NewAlias(ctx, name, &kms.AliasArgs{Name: pulumi.String("alias/" + args.Name + "-archive"),
		TargetKeyId: key.ID()}, there); err != nil {
		return nil, fmt.Errorf("create alias of key of the archive's copies: %w", err)
	}
	return key, nil
}

// readFrom is the bucket that ReadFrom names; "" without ReadFrom.
func (c archiveConfig) readFrom() string {
	if c.ReadFrom == nil {
		return ""
	}
	return c.ReadFrom.Bucket
}

// archiveToRead is the archive that the operator's tool reads. All are "" without an archive; Key is set
// only for the archive of another stack.
type archiveToRead struct{ BucketARN, Key, URL pulumi.StringOutput }

func (a *Archive) toRead(c archiveConfig) archiveToRead {
	from := c.ReadFrom
	if from == nil {
		return archiveToRead{a.BucketARN, pulumi.String("").ToStringOutput(), a.URL}
	}
	return archiveToRead{pulumi.String("arn:aws:s3:::" + from.Bucket).ToStringOutput(),
		pulumi.String(from.Key).ToStringOutput(), pulumi.String("s3://" + from.Bucket).ToStringOutput()}
}

// withCopies adds the right to use the key of another stack's copies; "" adds nothing.
func (d document) withCopies(key, region string) document {
	if key != "" {
		d.Statement = append(d.Statement, throughS3("ReadCopies", key, region, "kms:Decrypt"))
	}
	return d
}
