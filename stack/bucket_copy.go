package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// bucketCopy says which bucket's objects S3 copies to which other one, from then on.
type bucketCopy struct {
	name, role       string // of the replication and its role, in the program
	physical         string // of the role, in AWS
	from, to         *s3.BucketV2
	versions, copied pulumi.Resource // of both, which S3 demands
	region, other    string
	fromKey, toKey   dataKey // where one has a key of ours, the other has, too
	lockable         bool    // Object Lock may be on
	watched          bool    // S3 counts what it could not copy, for the price of four metrics
}

// copyRule is the id of the one rule of a replication.
const copyRule = "copy"

// copyBucket replicates a bucket. Whoever deletes in the one must not delete in the other.
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
		// Otherwise S3 passes over what is encrypted with such a key.
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

// copyPolicy is what S3 does for a replication: read versions here, and write them there.
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

// withCopiedKeys adds the use of the keys of both buckets, where they have keys of ours, and only through S3.
func (d document) withCopiedKeys(from, to, region, other string) document {
	if from == "" {
		return d
	}
	d.Statement = append(d.Statement, throughS3("Decrypt", from, region, "kms:Decrypt"),
		throughS3("EncryptCopies", to, other, "kms:Encrypt", "kms:GenerateDataKey"))
	return d
}

// throughS3 lets a key be used by S3 of a region alone.
func throughS3(sid, key, region string, actions ...string) statement {
	s := allow(sid, []string{key}, actions...)
	s.Condition = map[string]map[string]string{"StringEquals": {"kms:ViaService": "s3." + region + ".amazonaws.com"}}
	return s
}
