package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

type bucketArgs struct {
	Name      string // beginning of the stack's physical names
	Purpose   string // end of this bucket's name
	Protect   bool
	AccountID pulumi.StringInput
	Region    string
	Key       dataKey
	Writer    string // AWS's service that writes logs into it; "" is none
	KeepDays  int    // 0: for ever
	WriteOnce bool   // an object is written only if none of its name exists
}

// newBucket makes a private, encrypted bucket. It returns the bucket and its policy, which a writer depends on. The
// account id makes the name unique in the world, and nobody else can take it beforehand.
func newBucket(ctx *pulumi.Context, args bucketArgs, child pulumi.ResourceOption) (
	*s3.BucketV2, *s3.BucketPolicy, error,
) {
	bucket, err := s3.NewBucketV2(ctx, args.Purpose, &s3.BucketV2Args{
		Bucket: pulumi.Sprintf("%s-%s-%s", args.Name, args.Purpose, args.AccountID),
		// An unprotected bucket is deleted with the stack. A protected one refuses while it has objects.
		ForceDestroy: pulumi.Bool(!args.Protect),
	}, keep(args.Protect, child)...)
	if err != nil {
		return nil, nil, fmt.Errorf("create bucket %s: %w", args.Purpose, err)
	}
	access, err := s3.NewBucketPublicAccessBlock(ctx, args.Purpose, &s3.BucketPublicAccessBlockArgs{
		Bucket: bucket.ID(), BlockPublicAcls: pulumi.Bool(true), BlockPublicPolicy: pulumi.Bool(true),
		IgnorePublicAcls: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
	}, child)
	if err != nil {
		return nil, nil, fmt.Errorf("close bucket %s to the public: %w", args.Purpose, err)
	}
	var sse s3.BucketServerSideEncryptionConfigurationV2RuleArgs
	sse.ApplyServerSideEncryptionByDefault =
		s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
			SseAlgorithm: pulumi.String("AES256"),
		}
	// The load balancer can only write to a bucket that is encrypted with S3's own keys.
	if key := args.Key.ID(); key != nil && args.Writer != balancerLogDelivery {
		sse.ApplyServerSideEncryptionByDefault =
			s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
				SseAlgorithm: pulumi.String("aws:kms"), KmsMasterKeyId: key,
			}
		sse.BucketKeyEnabled = pulumi.Bool(true) // one use of the key for many objects: a hundredth of the price
	}
	if _, err := s3.NewBucketServerSideEncryptionConfigurationV2(ctx, args.Purpose,
		&s3.BucketServerSideEncryptionConfigurationV2Args{
			Bucket: bucket.ID(), Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{sse},
		}, child); err != nil {
		return nil, nil, fmt.Errorf("encrypt bucket %s: %w", args.Purpose, err)
	}
	if args.KeepDays > 0 {
		if err := forget(ctx, args, bucket, child); err != nil {
			return nil, nil, err
		}
	}
	// Two changes of a bucket's access at the same time conflict, so the policy waits for the public access block.
	policy, err := s3.NewBucketPolicy(ctx, args.Purpose, &s3.BucketPolicyArgs{
		Bucket: bucket.ID(),
		Policy: policyOf(func(arns []string) document {
			d := bucketPolicy(arns[0], args.Region, arns[1], args.Writer)
			if args.WriteOnce {
				d.Statement = append(d.Statement, writeOnce(arns[0]))
			}
			return d
		}, bucket.Arn, args.AccountID),
	}, child, pulumi.DependsOn([]pulumi.Resource{access}))
	if err != nil {
		return nil, nil, fmt.Errorf("set policy of bucket %s: %w", args.Purpose, err)
	}
	return bucket, policy, nil
}

// keepVersions keeps overwritten and deleted objects of a bucket.
func keepVersions(ctx *pulumi.Context, purpose string, bucket *s3.BucketV2, child pulumi.ResourceOption) (
	*s3.BucketVersioningV2, error,
) {
	versions, err := s3.NewBucketVersioningV2(ctx, purpose, &s3.BucketVersioningV2Args{Bucket: bucket.ID(),
		VersioningConfiguration: &s3.BucketVersioningV2VersioningConfigurationArgs{Status: pulumi.String("Enabled")},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("keep versions of bucket %s: %w", purpose, err)
	}
	return versions, nil
}

// forget deletes a bucket's objects at an age.
func forget(ctx *pulumi.Context, args bucketArgs, bucket *s3.BucketV2, child pulumi.ResourceOption) error {
	if _, err := s3.NewBucketLifecycleConfigurationV2(ctx, args.Purpose, &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.ID(),
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("forget"), Status: pulumi.String("Enabled"),
			Filter:     &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")},
			Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(args.KeepDays)},
		}},
	}, child); err != nil {
		return fmt.Errorf("set lifecycle of bucket %s: %w", args.Purpose, err)
	}
	return nil
}
