package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// copiedReleases is what the name of the bucket in another region ends with, before the account: no more, as a name has
// at most 63 characters.
func copiedReleases(region string) string { return region }

// replicate sends each release from then on to another region: images by ECR, functions and notes by S3.
func (a *Artifacts) replicate(ctx *pulumi.Context, c config, account string, from *s3.BucketV2,
	versions *s3.BucketVersioningV2, provider pulumi.ProviderResource) error {
	region, child := c.Artifacts.ReplicateTo, pulumi.Parent(a)
	there := pulumi.Composite(child, pulumi.Provider(provider))
	// Made here, or ECR would make one in which tags can be moved and nothing expires.
	images, err := a.repository(ctx, "images-"+region, c, there)
	if err != nil {
		return err
	}
	// An account has one of these for each region.
	if _, err := ecr.NewReplicationConfiguration(ctx, "images", &ecr.ReplicationConfigurationArgs{
		ReplicationConfiguration: &ecr.ReplicationConfigurationReplicationConfigurationArgs{
			Rules: ecr.ReplicationConfigurationReplicationConfigurationRuleArray{
				&ecr.ReplicationConfigurationReplicationConfigurationRuleArgs{
					Destinations: ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArray{
						&ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArgs{
							Region: pulumi.String(region), RegistryId: pulumi.String(account),
						},
					},
					RepositoryFilters: ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArray{
						&ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArgs{
							Filter: pulumi.String(c.Name), FilterType: pulumi.String("PREFIX_MATCH"),
						},
					},
				},
			},
		},
	}, child, pulumi.DependsOn([]pulumi.Resource{images})); err != nil {
		return fmt.Errorf("replicate images to %s: %w", region, err)
	}
	to, copied, err := a.bucket(ctx, copiedReleases(region), c, account, there)
	if err != nil {
		return err
	}
	replication, err := newRole(ctx, "replication", c.Name+"-replication", "s3.amazonaws.com",
		policyOf(func(arns []string) document { return copyReleasesPolicy(arns[0], arns[1]) }, from.Arn, to.Arn), child)
	if err != nil {
		return err
	}
	if _, err := s3.NewBucketReplicationConfig(ctx, releasesPurpose, &s3.BucketReplicationConfigArgs{
		Bucket: from.ID(), Role: replication.ARN,
		Rules: s3.BucketReplicationConfigRuleArray{&s3.BucketReplicationConfigRuleArgs{
			Id: pulumi.String("copy"), Status: pulumi.String("Enabled"), Priority: pulumi.Int(1),
			Filter: &s3.BucketReplicationConfigRuleFilterArgs{Prefix: pulumi.String("")},
			// Whoever deletes here must not delete there.
			DeleteMarkerReplication: &s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs{
				Status: pulumi.String("Disabled"),
			},
			Destination: &s3.BucketReplicationConfigRuleDestinationArgs{Bucket: to.Arn},
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{versions, copied, replication.Policy})); err != nil {
		return fmt.Errorf("replicate bucket %s to %s: %w", releasesPurpose, region, err)
	}
	return nil
}

// copyReleasesPolicy is what S3 does for a replication: read versions here, and write them there.
func copyReleasesPolicy(from, to string) document {
	return policy(
		allow("ReadRule", []string{from}, "s3:GetReplicationConfiguration", "s3:ListBucket"),
		allow("ReadVersions", []string{from + "/*"}, "s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication",
			"s3:GetObjectVersionTagging"),
		allow("WriteVersions", []string{to + "/*"}, "s3:ReplicateObject", "s3:ReplicateTags"),
	)
}
