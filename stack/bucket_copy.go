package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// bucketCopy is a replication: S3 copies each new object of one bucket to another.
type bucketCopy struct {
	name, role       string // of the replication and its role, in the program
	physical         string // of the role, in AWS
	from, to         *s3.BucketV2
	versions, copied pulumi.Resource // of both, which S3 demands
	region, other    string
	fromKey, toKey   dataKey // both buckets have a key of ours, or neither
	lockable         bool    // Object Lock may be on
	watched          bool    // S3 counts objects that it could not copy, which costs four metrics
}

// copyRule is the id of the one rule of a replication.
const copyRule = "copy"

// copyBucket replicates a bucket. A deletion in the source must not delete the copy.
func copyBucket(ctx *pulumi.Context, c bucketCopy, child pulumi.ResourceOption) error {
	replication, err := newRole(ctx, c.role, c.physical, "s3.amazonaws.com",
		policyOf(func(arns []string) document {
			return copyPolicy(arns[0], arns[1], c.lockable).withCopiedKeys(arns[2], arns[3], c.region, c.other)
		}, c.from.Arn, c.to.Arn, c.fromKey.ARN(), c.toKey.ARN()), child)
	if err != nil {
		return err
	}
	rule := &s3.BucketReplicationConfigRuleArgs{
		Id: pulumi.String(copyRule), Status: pulumi.String("Enabled"), Priority: pulumi.Int(1),
		Filter: &s3.BucketReplicationConfigRuleFilterArgs{Prefix: pulumi.String("")},
		DeleteMarkerReplication: &s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs{
			Status: pulumi.String("Disabled"),
		},
	}
	to := &s3.BucketReplicationConfigRuleDestinationArgs{Bucket: c.to.Arn}
	if c.fromKey.arn != nil {
		// Without this, S3 skips objects that are encrypted with a KMS key.
		rule.SourceSelectionCriteria = &s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs{
			SseKmsEncryptedObjects: &s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs{
				Status: pulumi.String("Enabled")},
		}
		to.EncryptionConfiguration = &s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs{
			ReplicaKmsKeyId: c.toKey.ARN()}
	}
	if c.watched {
		to.Metrics = &s3.BucketReplicationConfigRuleDestinationMetricsArgs{Status: pulumi.String("Enabled")}
	}
	rule.Destination = to
	if _, err := s3.NewBucketReplicationConfig(ctx, c.name, &s3.BucketReplicationConfigArgs{
		Bucket: c.from.ID(), Role: replication.ARN, Rules: s3.BucketReplicationConfigRuleArray{rule},
	}, child, pulumi.DependsOn([]pulumi.Resource{c.versions, c.copied, replication.Policy})); err != nil {
		return fmt.Errorf("replicate bucket %s: %w", c.name, err)
	}
	return nil
}

// copyPolicy lets S3 read versions of the source and write them to the destination.
func copyPolicy(from, to string, lockable bool) document {
	read := []string{"s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"}
	if lockable {
		read = append(read, "s3:GetObjectLegalHold", "s3:GetObjectRetention")
	}
	return policy(
		allow("ReadRule", []string{from}, "s3:GetReplicationConfiguration", "s3:ListBucket"),
		allow("ReadVersions", []string{from + "/*"}, read...),
		allow("WriteVersions", []string{to + "/*"}, "s3:ReplicateObject", "s3:ReplicateTags"),
	)
}

// withCopiedKeys adds the right to use the keys of both buckets, only through S3, where they have keys of ours.
func (d document) withCopiedKeys(from, to, region, other string) document {
	if from == "" {
		return d
	}
	d.Statement = append(d.Statement, throughS3("Decrypt", from, region, "kms:Decrypt"),
		throughS3("EncryptCopies", to, other, "kms:Encrypt", "kms:GenerateDataKey"))
	return d
}

// throughS3 lets only S3 of one region use a key.
func throughS3(sid, key, region string, actions ...string) statement {
	s := allow(sid, []string{key}, actions...)
	s.Condition = map[string]map[string]string{"StringEquals": {"kms:ViaService": "s3." + region + ".amazonaws.com"}}
	return s
}
